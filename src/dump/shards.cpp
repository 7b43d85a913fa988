#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/formats.h"
#include "dump/json.h"

namespace divlens {
namespace {

constexpr size_t kListed = 8;

/// Names for a message: the first few, and how many more there are.
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < kListed; ++i) {
    text += fmt::format("{}'{}'", i == 0 ? "" : ", ", escaped(names[i]));
  }
  return names.size() > kListed ? fmt::format("{} and {} more", text, names.size() - kListed) : text;
}

using TensorNames = std::set<std::string>;

// An index may come from anywhere; what it names must lie beside it.
void checkShardName(const std::string& shard, const std::string& index) {
  const bool plain =
      !shard.empty() && shard.front() != '.' && shard.find_first_of(std::string_view("/\\:\0", 4)) == std::string::npos;
  if (!plain || !hasSuffix(shard, ".safetensors")) {
    badInput(index,
             fmt::format("shard '{}' is refused: a shard is the plain name of a .safetensors file beside the index",
                         escaped(shard)));
  }
}

std::map<std::string, TensorNames> shardsOf(const nlohmann::json& json, const std::string& index) {
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (map == json.end() || !map->is_object() || map->empty()) {
    badInput(index, "key 'weight_map' must be an object of tensor names and shards");
  }
  std::map<std::string, TensorNames> shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string()) badInput(index, fmt::format("key 'weight_map.{}' must be a text", escaped(tensor)));
    const auto& file = shard.get_ref<const std::string&>();
    checkShardName(file, index);
    shards[file].insert(tensor);
  }
  return shards;
}

/// Opens one shard and moves the tensors that the index expects in it to `dump`.
void addShard(Dump& dump, const std::shared_ptr<const ByteSource>& source, TensorNames expected,
              const OpenOptions& options) {
  Dump shard = openSafetensors(source, options);
  std::vector<std::string> extra;
  for (Tensor& tensor : shard.tensors) {
    if (expected.erase(tensor.name) == 0) {
      extra.push_back(tensor.name);
    } else {
      dump.tensors.push_back(std::move(tensor));
    }
  }
  if (!expected.empty()) {
    badInput(dump.path, fmt::format("shard {} lacks {}, which the index says is in it", escapedPath(source->name()),
                                    listed({expected.begin(), expected.end()})));
  }
  dump.notes.insert(dump.notes.end(), shard.notes.begin(), shard.notes.end());
  dump.warnings.insert(dump.warnings.end(), shard.warnings.begin(), shard.warnings.end());
  if (!extra.empty()) {
    dump.notes.push_back(fmt::format("{}: holds {}, which the index does not list there: left out",
                                     escapedPath(source->name()), listed(extra)));
  }
  if (dump.title.empty()) dump.title = shard.title;
  if (dump.source.empty()) dump.source = shard.source;
  dump.bytes += source->size();
}

void checkTotal(const nlohmann::json& json, Dump& dump) {
  const auto metadata = json.find("metadata");
  if (metadata == json.end() || !metadata->is_object()) return;
  const auto total = metadata->find("total_size");
  if (total == metadata->end() || !total->is_number()) return;
  double actual = 0;
  for (const Tensor& tensor : dump.tensors) {
    actual += tensor.dtype == DType::Unsupported ? static_cast<double>(tensor.unreadBytes)
                                                 : static_cast<double>(tensor.elements()) * info(tensor.dtype).bytes;
  }
  if (total->get<double>() != actual) {
    dump.warnings.push_back(fmt::format("{}: total_size is {}, the tensors have {:.0f} bytes", escapedPath(dump.path),
                                        escaped(total->dump()), actual));
  }
}

}  // namespace

Dump openShards(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options) {
  Dump dump;
  dump.path = source->name();
  dump.bytes = source->size();
  const nlohmann::json json = readJson(*source);
  const std::string folder = dump.path.substr(0, dump.path.find_last_of('/') + 1);
  std::vector<std::pair<std::shared_ptr<const ByteSource>, TensorNames>> shards;
  std::vector<std::string> missing;
  std::string reason;
  for (auto& [file, tensors] : shardsOf(json, dump.path)) {
    try {
      shards.emplace_back(openFile(folder + file), tensors);
    } catch (const Error& error) {
      missing.push_back(file);
      if (reason.empty()) reason = error.what();
    }
  }
  if (!missing.empty()) {
    badInput(dump.path, fmt::format("{} shard{} cannot be opened: {} ({})", missing.size(),
                                    missing.size() == 1 ? "" : "s", listed(missing), reason));
  }
  for (auto& [shard, tensors] : shards) addShard(dump, shard, std::move(tensors), options);
  checkTotal(json, dump);
  return dump;
}

}  // namespace divlens
