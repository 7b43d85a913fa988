#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dump/dump.h"

namespace divlens {

/// The beginning of a file, as far as a format needs it to recognise itself.
constexpr size_t kHeadBytes = 512;

/// One row of the list of formats (formats.cpp).
struct Format {
  const char* name;
  std::span<const std::string_view> suffixes;  ///< lower case, with the dot
  bool (*detects)(std::string_view head);      ///< by content; null where only the suffix tells
  /// Reads headers only; Error(BadInput), also for formats that are recognised to be refused.
  Dump (*open)(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
  bool sidecar;        ///< FILE.divlens.json names its axes
  const char* preset;  ///< of patterns that apply by themselves where they find tensors; null: none
};

/// Formats in the order in which they are tried.
std::span<const Format> formats();
/// True where `path` ends with `suffix`, whatever the case of its letters.
bool hasSuffix(std::string_view path, std::string_view suffix);
/// The file's name without its directory and last suffix: the name of a tensor that has none.
std::string stem(std::string_view path);

bool detectsNpy(std::string_view head);
Dump openNpy(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
bool detectsZip(std::string_view head);
/// A .npz archive, each member a tensor; other zip archives (torch.save's) are refused.
Dump openNpz(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
bool detectsSafetensors(std::string_view head);
Dump openSafetensors(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
/// A *.safetensors.index.json and the shards beside it; sets Dump::bytes to the size of all.
Dump openShards(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
bool detectsGguf(std::string_view head);
/// A model of llama.cpp: tensors of plain numbers are read, quantised ones listed.
Dump openGguf(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
bool detectsKld(std::string_view head);
/// What llama.cpp's llama-perplexity writes with --kl-divergence-base (or --save-all-logits).
Dump openKld(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
/// A table row by row, or a cell a line where options.rows, columns and value name its columns.
Dump openTable(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
/// Training logs, an object a line: a row for each step and a column for each number, or as options.value says.
Dump openJsonLines(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);

// Recognised to be refused with a word on what to do (refused.cpp).
bool detectsPickle(std::string_view head);
Dump refusePickle(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);
/// Refuses an archive whose first member is a pickle; returns for others.
void refuseTorchArchive(const ByteSource& source);
bool detectsLfsPointer(std::string_view head);
Dump refuseLfsPointer(const std::shared_ptr<const ByteSource>& source, const OpenOptions& options);

}  // namespace divlens
