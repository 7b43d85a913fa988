#include "dump/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "dump/escape.h"
#include "dump/fault.h"
#include "dump/json.h"

namespace divlens {
namespace {

using Json = nlohmann::json;

constexpr size_t kListed = 8;

class Document {
 public:
  Document(Dump& dump, const Json& json, const std::string& where) : dump_(dump), json_(json), where_(where) {}

  void apply(bool single) {
    if (!json_.is_object()) badInput(where_, "must be a JSON object");
    if (const Json* version = member(json_, "version"); version && *version != 1) {
      bad("version", fmt::format("{} is unknown, this program reads version 1", escaped(version->dump())));
    }
    applyTensors(single);
    applyMask();
    applyNormed();
    applyLists("labels", [](Axis& axis, const Json& entry) {
      if (!entry.is_string()) return false;
      axis.labels.push_back(entry.get<std::string>());
      return true;
    });
    applyLists("coordinates", [](Axis& axis, const Json& entry) {
      if (!entry.is_number() || !std::isfinite(entry.get<double>())) return false;
      axis.coordinates.push_back(entry.get<double>());
      return true;
    });
    applyLists("groups", [](Axis& axis, const Json& entry) {
      if (!entry.is_string()) return false;
      axis.groups.push_back(entry.get<std::string>());
      return true;
    });
    applyText("title", dump_.title);
    applyText("source", dump_.source);
  }

 private:
  static const Json* member(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }

  [[noreturn]] void bad(const std::string& key, const std::string& text) const {
    badInput(where_, fmt::format("key '{}': {}", escaped(key), text));
  }

  const Json* objectMember(const char* key) const {
    const Json* value = member(json_, key);
    if (value && !value->is_object()) bad(key, "must be an object");
    return value;
  }

  void applyTensors(bool single) {
    const Json* tensors = objectMember("tensors");
    if (!tensors) return;
    std::unordered_map<std::string_view, Tensor*> byName;
    for (Tensor& tensor : dump_.tensors) byName.emplace(tensor.name, &tensor);
    for (const auto& [tensorName, entry] : tensors->items()) {
      const std::string key = "tensors." + tensorName;
      auto found = byName.find(tensorName);
      if (found == byName.end() && single && tensors->size() == 1) found = byName.begin();
      if (found == byName.end()) bad(key, fmt::format("no such tensor in the file; it has {}", listed()));
      if (!entry.is_object()) bad(key, "must be an object");
      describe(*found->second, entry, key);
    }
  }

  std::string listed() const {
    std::string text;
    for (size_t i = 0; i < dump_.tensors.size() && i < kListed; ++i) {
      text += fmt::format("{}'{}'", i == 0 ? "" : ", ", escaped(dump_.tensors[i].name));
    }
    if (dump_.tensors.size() > kListed) text += fmt::format(" and {} more", dump_.tensors.size() - kListed);
    return text.empty() ? "no tensors" : text;
  }

  void describe(Tensor& tensor, const Json& entry, const std::string& key) {
    if (const Json* axes = member(entry, "axes")) nameFrom(tensor, *axes, key + ".axes");
    if (const Json* kind = member(entry, "kind")) {
      const auto known = kind->is_string() ? kindFromName(kind->get<std::string>()) : std::nullopt;
      if (!known) {
        bad(key + ".kind", fmt::format("{} is not one of logits, logprobs, probs, hidden, scalar, topk",
                                       escaped(kind->dump(-1, ' ', true))));
      }
      tensor.kind = *known;
    } else if (!tensor.axes.empty()) {
      tensor.kind = kindOfAxes(tensor.axes);
    }
    if (const Json* mask = member(entry, "mask")) tensor.mask = maskName(*mask, key + ".mask");
    if (const Json* normed = member(entry, "normed")) tensor.normed = normedFrom(tensor, *normed, key + ".normed");
    if (const Json* ids = member(entry, "ids")) tensor.ids = idsName(tensor, *ids, key + ".ids");
  }

  void nameFrom(Tensor& tensor, const Json& names, const std::string& key) {
    if (!names.is_array()) bad(key, "must be an array of names");
    if (names.size() != tensor.shape.size()) {
      bad(key, fmt::format("{} names, tensor '{}' has shape {}", names.size(), escaped(tensor.name),
                           shapeText(tensor.shape)));
    }
    tensor.axes.clear();
    for (const Json& axisName : names) {
      if (!axisName.is_string() || axisName.get<std::string>().empty()) bad(key, "must be an array of names");
      const std::string text = axisName.get<std::string>();
      if (tensor.axisIndex(text) >= 0) bad(key, fmt::format("the name '{}' appears twice", escaped(text)));
      Axis axis;
      axis.name = text;
      axis.length = tensor.shape[tensor.axes.size()];
      tensor.axes.push_back(std::move(axis));
    }
  }

  std::vector<bool> normedFrom(const Tensor& tensor, const Json& normed, const std::string& key) const {
    const auto boolean = [](const Json& each) { return each.is_boolean(); };
    if (boolean(normed)) return {normed.get<bool>()};
    if (!normed.is_array() || !std::all_of(normed.begin(), normed.end(), boolean))
      bad(key, "must be true, false, or an array of them, one for each layer");
    const int axis = tensor.axisIndex("layer");
    const int64_t layers = axis < 0 ? 0 : tensor.axes[static_cast<size_t>(axis)].length;
    if (static_cast<int64_t>(normed.size()) != layers) {
      bad(key, fmt::format("{} entries, the axis 'layer' of tensor '{}' has {}", normed.size(), escaped(tensor.name),
                           layers));
    }
    return normed.get<std::vector<bool>>();
  }

  std::string maskName(const Json& mask, const std::string& key) const {
    const Tensor* found = mask.is_string() ? dump_.find(mask.get<std::string>()) : nullptr;
    if (!found) bad(key, "must be the name of a tensor in the file");
    if (found->dtype != DType::Bool && found->dtype != DType::U8) {
      bad(key, fmt::format("tensor '{}' is {}, a mask is BOOL or U8", escaped(found->name), escaped(found->dtypeName)));
    }
    return found->name;
  }

  std::string idsName(const Tensor& tensor, const Json& ids, const std::string& key) const {
    const Tensor* found = ids.is_string() ? dump_.find(ids.get<std::string>()) : nullptr;
    if (!found) bad(key, "must be the name of a tensor in the file");
    if (info(found->dtype).floating || found->dtype == DType::Bool || found->dtype == DType::Unsupported) {
      bad(key,
          fmt::format("tensor '{}' is {}, ids are whole numbers", escaped(found->name), escaped(found->dtypeName)));
    }
    if (found->shape != tensor.shape) {
      bad(key,
          fmt::format("tensor '{}' has shape {}, '{}' has {}: there must be one id for each entry",
                      escaped(found->name), shapeText(found->shape), escaped(tensor.name), shapeText(tensor.shape)));
    }
    return found->name;
  }

  // Said once for the whole file, it holds for all hidden states that do not say otherwise.
  void applyNormed() {
    const Json* normed = member(json_, "normed");
    if (!normed) return;
    for (Tensor& tensor : dump_.tensors) {
      const bool applies = !normed->is_array() || tensor.axisIndex("layer") >= 0;
      if (tensor.kind == Kind::Hidden && tensor.normed.empty() && applies)
        tensor.normed = normedFrom(tensor, *normed, "normed");
    }
  }

  // Said once for the whole file, the mask holds for every floating tensor that does not name its own.
  void applyMask() {
    const Json* mask = member(json_, "mask");
    if (!mask) return;
    const std::string maskTensor = maskName(*mask, "mask");
    for (Tensor& tensor : dump_.tensors) {
      if (tensor.mask.empty() && info(tensor.dtype).floating) tensor.mask = maskTensor;
    }
  }

  // labels, coordinates, groups: {axis name: [one entry for each position]}.
  void applyLists(const char* list, const std::function<bool(Axis&, const Json&)>& append) {
    const Json* object = objectMember(list);
    if (!object) return;
    for (const auto& [axisName, entries] : object->items()) {
      const std::string key = fmt::format("{}.{}", list, axisName);
      if (!entries.is_array()) bad(key, "must be an array");
      bool known = false;
      for (Tensor& tensor : dump_.tensors) {
        const int index = tensor.axisIndex(axisName);
        if (index < 0) continue;
        known = true;
        fill(tensor, tensor.axes[static_cast<size_t>(index)], entries, key, append);
      }
      if (!known) bad(key, fmt::format("unknown axis '{}': no tensor under 'tensors' has it", escaped(axisName)));
    }
  }

  void fill(const Tensor& tensor, Axis& axis, const Json& entries, const std::string& key,
            const std::function<bool(Axis&, const Json&)>& append) const {
    if (static_cast<int64_t>(entries.size()) != axis.length) {
      bad(key,
          fmt::format("{} entries, the axis has {} in tensor '{}'", entries.size(), axis.length, escaped(tensor.name)));
    }
    for (size_t i = 0; i < entries.size(); ++i) {
      if (!append(axis, entries[i])) {
        bad(key, fmt::format("entry {} has the wrong type: {}", i, escaped(entries[i].dump(-1, ' ', true))));
      }
    }
  }

  void applyText(const char* key, std::string& text) {
    const Json* value = member(json_, key);
    if (!value) return;
    if (!value->is_string()) bad(key, "must be a text");
    text = value->get<std::string>();
  }

  Dump& dump_;
  const Json& json_;
  const std::string& where_;
};

}  // namespace

void applyMetadata(Dump& dump, std::string_view json, const std::string& where, bool single) {
  const Json parsed = parseJson(json, where);
  Document(dump, parsed, where).apply(single);
}

Kind kindOfAxes(const std::vector<Axis>& axes) {
  if (!axes.empty() && axes.back().name == "vocab") return Kind::Logits;
  if (!axes.empty() && axes.back().name == "hidden") return Kind::Hidden;
  return Kind::Scalar;
}

}  // namespace divlens
