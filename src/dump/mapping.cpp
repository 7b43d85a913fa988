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

std::unique_ptr<Mapping> Mapping::open(const ByteSource& source, uint64_t offset, uint64_t bytes) {
  const int descriptor = source.descriptor();
  if (descriptor < 0 || bytes == 0 || offset + bytes > source.size()) return nullptr;
  installHandler();
  const uint64_t start = offset % pageBytes;
  const uint64_t length = (start + bytes + pageBytes - 1) / pageBytes * pageBytes;
  void* const address = mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor, static_cast<off_t>(offset - start));
  if (address == MAP_FAILED) return nullptr;
  std::unique_ptr<Mapping> mapping(new Mapping(source, static_cast<const std::byte*>(address), length, start));
  return mapping->guard_ == kNoGuard ? nullptr : std::move(mapping);
}

Mapping::Mapping(const ByteSource& source, const std::byte* address, uint64_t length, uint64_t start)
    : source_(source), address_(address), length_(length), start_(start), guard_(guardFor(address, length)) {}

Mapping::~Mapping() {
  munmap(const_cast<std::byte*>(address_), length_);
  if (guard_ == kNoGuard) return;
  guards[guard_].begin.store(0);
  guards[guard_].end.store(0);
}

void Mapping::release(uint64_t offset, uint64_t bytes) const {
  // Whole pages only, so that the neighbours' stay.
  const uint64_t first = (start_ + offset + pageBytes - 1) / pageBytes * pageBytes;
  const uint64_t last = (start_ + offset + bytes) / pageBytes * pageBytes;
  if (last > first) madvise(const_cast<std::byte*>(address_) + first, last - first, MADV_DONTNEED);
}

void Mapping::check() const {
  if (guards[guard_].hit.load())
    badInput(source_.name(), fmt::format("changed while reading: it had {} bytes when it was opened and has become "
                                         "shorter; run again when it is no longer written to",
                                         source_.size()));
}

}  // namespace divlens
