#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"

namespace divlens {

/// A window's options, kept as the command line would say them: the panel changes them one by one, the settings follow
/// from the same table, and any view is one command away.
class ViewOptions {
 public:
  explicit ViewOptions(Settings settings) : settings_(std::move(settings)) {}
  const Settings& settings() const { return settings_; }

  bool has(std::string_view name) const;
  /// The last text of an option ("--metric"); empty where it was not given.
  std::string get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  /// Gives an option once, with this text; Error(Usage), and no change, where the text does not fit.
  void set(std::string_view name, const std::string& text) { setAll(name, {text}); }
  void setAll(std::string_view name, const std::vector<std::string>& texts);
  void remove(std::string_view name) { setAll(name, {}); }
  /// Replaces everything: "--metric=kl", "--annot"; Error(Usage), and no change, for what is no option of a view.
  void replace(const std::vector<std::string>& words);

  /// The options as words, in the order in which they were given: "--metric", "kl", "--vmin=-1".
  std::vector<std::string> words() const;
  /// Those that decide which numbers the grid holds: equal keys, equal cells.
  std::string planKey() const;

 private:
  void apply(const std::vector<GivenOption>& given);
  Settings settings_;
};

/// The words as one line for a shell.
std::string shellLine(const std::vector<std::string>& words);

}  // namespace divlens
