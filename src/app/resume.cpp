#include "app/resume.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "dump/escape.h"
#include "dump/stack.h"
#include "error.h"
#include "figure/atomic_file.h"
#include "fnv.h"

namespace divlens {
namespace {

using Json = nlohmann::json;

constexpr char kMagic[8] = {'d', 'i', 'v', 'l', 'e', 'n', 's', 'R'};
constexpr uint64_t kLongestOrigin = 1 << 20;

void addFiles(const Tensor& tensor, std::set<std::string>& files) {
  if (tensor.source) files.insert(tensor.source->name());
  if (!tensor.stack) return;
  for (const Tensor& part : tensor.stack->parts) addFiles(part, files);
}

/// Every file whose bytes the values depend on.
std::set<std::string> filesOf(const Settings& settings, const Session& session) {
  std::set<std::string> files = {settings.plan.vocabMask, settings.plan.groupsFile};
  for (const PlanInput& input : session.plan.inputs) {
    files.insert(input.path);
    files.insert(input.path + ".divlens.json");
  }
  for (const Tensor& tensor : session.dump.tensors) addFiles(tensor, files);
  addFiles(session.plan.reference.tensor, files);
  return files;
}

Json originOf(const Settings& settings, const Session& session) {
  Json options = Json::array(), inputs = Json::array();
  for (const GivenOption& given : settings.given)
    if (given.row->section & kPlanSection) options.push_back(fmt::format("{} {}", given.row->names, given.text));
  for (const std::string& path : filesOf(settings, session)) {
    struct stat status{};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    inputs.push_back(fmt::format("{}, {} bytes, of {}.{:09}", escapedPath(path), status.st_size, status.st_mtim.tv_sec,
                                 status.st_mtim.tv_nsec));
  }
  const gpu::DeviceInfo& device = session.context->info();
  return {{"version", DIVLENS_VERSION},
          {"dump", escapedPath(settings.dumps.at(0))},
          {"options", std::move(options)},
          {"inputs", std::move(inputs)},
          {"device", fmt::format("{}, {}", device.name, device.driver)},
          {"blocks", blocksText(*session.context, session.plan)},
          {"process", fmt::format("{} of {}", session.share.rank + 1, session.share.ranks)}};
}

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Takes values off the front of what was read.
class Taker {
 public:
  explicit Taker(std::string_view left) : left_(left) {}
  bool take(void* out, size_t bytes) {
    if (bytes > left_.size()) return false;
    std::memcpy(out, left_.data(), bytes);
    left_.remove_prefix(bytes);
    return true;
  }
  size_t left() const { return left_.size(); }

 private:
  std::string_view left_;
};

}  // namespace

ResumeFile::ResumeFile(const Settings& settings, const Session& session)
    : path_(session.share.ranks == 1
                ? settings.resume
                : fmt::format("{}.{}-of-{}", settings.resume, session.share.rank + 1, session.share.ranks)),
      origin_(originOf(settings, session).dump(-1, ' ', true, Json::error_handler_t::replace)),
      words_(blockValues(*session.context, session.plan)) {
  load();
  checkpoint_.save = [this] { save(); };
  if (!found_) save();
}

ResumeFile::~ResumeFile() {
  if (!found_ && !anything()) ::unlink(path_.c_str());
}

bool ResumeFile::anything() const {
  return std::any_of(checkpoint_.blocks.begin(), checkpoint_.blocks.end(),
                     [](const BlockValues& block) { return block.pairs > 0; });
}

void ResumeFile::load() {
  const auto refuse = [&](const std::string& text) {
    throw Error(Exit::Usage, fmt::format("--resume {}: {}", escapedPath(path_), text));
  };
  struct stat status{};
  if (::stat(path_.c_str(), &status) != 0 && errno == ENOENT) return;
  if (!S_ISREG(status.st_mode)) refuse("is not a file");
  std::ifstream file(path_, std::ios::binary);
  char magic[sizeof kMagic] = {};
  if (!file.read(magic, sizeof magic) || std::memcmp(magic, kMagic, sizeof magic) != 0)
    refuse("is not a checkpoint of divlens, and is left as it is; name another file");
  const auto broken = [&] { refuse("the checkpoint is damaged; remove it to start anew"); };
  std::string bytes(size_t(status.st_size) - sizeof magic, '\0');
  uint64_t sum = 0;
  if (bytes.size() < sizeof sum || !file.read(bytes.data(), std::streamsize(bytes.size()))) broken();
  std::memcpy(&sum, bytes.data() + bytes.size() - sizeof sum, sizeof sum);
  bytes.resize(bytes.size() - sizeof sum);
  if (sum != fnv1a(std::as_bytes(std::span(bytes)))) broken();

  Taker taker(bytes);
  uint64_t length = 0, count = 0;
  if (!taker.take(&length, sizeof length) || length > std::min<uint64_t>(kLongestOrigin, taker.left())) broken();
  std::string origin(length, '\0');
  if (!taker.take(origin.data(), length)) broken();
  const Json theirs = Json::parse(origin, nullptr, false), ours = Json::parse(origin_);
  if (!theirs.is_object()) broken();
  for (const auto& [key, value] : ours.items()) {
    if (theirs.value(key, Json()) != value)
      refuse(
          fmt::format("the run that made it differs in {}: {} then, {} now; run that command, or remove the file to "
                      "start anew",
                      key, theirs.value(key, Json()).dump(-1, ' ', true), value.dump(-1, ' ', true)));
  }
  if (!taker.take(&count, sizeof count) || count != taker.left() / (8 + words_ * 4) ||
      taker.left() % (8 + words_ * 4) != 0)
    broken();
  for (uint64_t i = 0; i < count; ++i) {
    BlockValues& block = checkpoint_.blocks.emplace_back();
    block.bits.resize(words_);
    if (!taker.take(&block.pairs, 8) || !taker.take(block.bits.data(), words_ * 4)) broken();
  }
  found_ = true;
}

void ResumeFile::save() const {
  std::string bytes;
  append(bytes, uint64_t(origin_.size()));
  bytes += origin_;
  append(bytes, uint64_t(checkpoint_.blocks.size()));
  for (const BlockValues& block : checkpoint_.blocks) {
    append(bytes, block.pairs);
    bytes.append(reinterpret_cast<const char*>(block.bits.data()), block.bits.size() * 4);
  }
  append(bytes, fnv1a(std::as_bytes(std::span(bytes))));
  AtomicFile file(path_);
  file.write(std::as_bytes(std::span(kMagic)));
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

}  // namespace divlens
