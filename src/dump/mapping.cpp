#include "dump/mapping.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <mutex>

#include "dump/fault.h"

namespace divlens {
namespace {

/// A mapping as the signal handler sees it: any thread may take the fault, those of a driver too.
struct Guard {
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> hit{false};
};

constexpr size_t kNoGuard = ~size_t{0};
// A signal handler can reach nothing else than what is static.
std::array<Guard, 16> guards;
std::mutex guardsMutex;
uintptr_t pageBytes = 4096;
static_assert(std::atomic<uintptr_t>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void onMissingPage(int signal, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Guard& guard : guards) {
    if (address < guard.begin.load() || address >= guard.end.load()) continue;
    guard.hit.store(true);
    std::byte* const page = static_cast<std::byte*>(info->si_addr) - address % pageBytes;
    if (mmap(page, pageBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) return;
  }
  std::signal(signal, SIG_DFL);  // not ours: the access happens again and ends the process
}

void installHandler() {
  static std::once_flag once;
  std::call_once(once, [] {
    pageBytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action{};
    action.sa_sigaction = onMissingPage;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
  });
}

size_t guardFor(const std::byte* address, uint64_t length) {
  const std::lock_guard lock(guardsMutex);
  for (size_t i = 0; i < guards.size(); ++i) {
    if (guards[i].end.load() != 0) continue;
    guards[i].hit.store(false);
    guards[i].begin.store(reinterpret_cast<uintptr_t>(address));
    guards[i].end.store(reinterpret_cast<uintptr_t>(address) + length);
    return i;
  }
  return kNoGuard;
}

}  // namespace

std::unique_ptr<Mapping> Mapping::open(const ByteSource& source, std::span<const Piece> pieces) {
  const int descriptor = source.descriptor();
  if (descriptor < 0 || pieces.empty()) return nullptr;
  installHandler();
  uint64_t length = 0;
  std::vector<uint64_t> starts;
  for (const Piece& piece : pieces) {
    if (piece.bytes == 0 || piece.offset > source.size() || piece.bytes > source.size() - piece.offset) return nullptr;
    starts.push_back(length + piece.offset % pageBytes);
    length += (piece.offset % pageBytes + piece.bytes + pageBytes - 1) / pageBytes * pageBytes;
  }
  // Room for all, which the pieces then replace.
  void* const room = mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return nullptr;
  std::unique_ptr<Mapping> mapping(new Mapping(source, static_cast<const std::byte*>(room), length, std::move(starts)));
  if (mapping->guard_ == kNoGuard) return nullptr;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const uint64_t before = pieces[i].offset % pageBytes;
    void* const at = static_cast<std::byte*>(room) + (mapping->starts_[i] - before);
    if (mmap(at, before + pieces[i].bytes, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor,
             static_cast<off_t>(pieces[i].offset - before)) == MAP_FAILED)
      return nullptr;
  }
  return mapping;
}

Mapping::Mapping(const ByteSource& source, const std::byte* address, uint64_t length, std::vector<uint64_t> starts)
    : source_(source),
      address_(address),
      length_(length),
      starts_(std::move(starts)),
      guard_(guardFor(address, length)) {}

Mapping::~Mapping() {
  munmap(const_cast<std::byte*>(address_), length_);
  if (guard_ == kNoGuard) return;
  guards[guard_].begin.store(0);
  guards[guard_].end.store(0);
}

void Mapping::check() const {
  if (guards[guard_].hit.load())
    badInput(source_.name(), fmt::format("changed while reading: it had {} bytes when it was opened and has become "
                                         "shorter; run again when it is no longer written to",
                                         source_.size()));
}

}  // namespace divlens
