// TOML 1.0, read strictly: every getter checks type and presence, every error names file, line and
// key, and a key that nobody asked for is an error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::toml {

// A string and the line that it stands on, for errors about its content.
struct Located {
  std::string value;
  int line = 0;
};

struct IntegerRange {
  int64_t min;
  int64_t max;
};

// Reads one table. Ask for each key that the format has, then call Finish. Copies share the
// underlying document, which lives as long as any reader.
class TableReader {
 public:
  // kMalformed with file and line. `file` is only for messages.
  static Result<TableReader> Parse(std::string_view text, std::string file);

  // kMalformed "<file>:<line>: key 'k' in [t]: …" where the key is missing or has another type.
  Result<Located> String(std::string_view key);
  Result<std::optional<Located>> OptionalString(std::string_view key);
  Result<int64_t> Integer(std::string_view key, IntegerRange range);
  Result<std::optional<int64_t>> OptionalInteger(std::string_view key, IntegerRange range);
  Result<bool> Bool(std::string_view key);
  Result<bool> BoolOr(std::string_view key, bool fallback);
  // Empty where the key is missing.
  Result<std::vector<Located>> Strings(std::string_view key);
  // An array of arrays of strings: command lines.
  Result<std::vector<std::vector<std::string>>> StringLists(std::string_view key);
  Result<TableReader> Table(std::string_view key);
  Result<std::optional<TableReader>> OptionalTable(std::string_view key);
  // An array of tables ([[key]], or [ {…}, {…} ]); empty where the key is missing.
  Result<std::vector<TableReader>> Tables(std::string_view key);
  // A table of free keys to strings, integers or booleans (written as text): sysctl and the like.
  Result<std::vector<std::pair<Located, Located>>> FreeStrings(std::string_view key);

  // Fails with the first key that no getter asked for, and lists the allowed ones.
  Status Finish() const;

  // kMalformed at a line of this file; at the table's own line where `line` is 0.
  Error ErrorAt(int line, std::string_view message) const;
  int line() const;
  const std::string& file() const { return *file_; }

 private:
  struct Node;  // hides the library
  TableReader(std::shared_ptr<const Node> node, std::shared_ptr<const std::string> file,
              std::string name)
      : node_(std::move(node)), file_(std::move(file)), name_(std::move(name)) {}
  Error KeyError(std::string_view key, int line, std::string_view message) const;

  std::shared_ptr<const Node> node_;
  std::shared_ptr<const std::string> file_;
  std::string name_;  // dotted, "" at the top
  std::set<std::string, std::less<>> asked_;
};

// A basic string with the escapes that TOML needs: for writers of lock files.
std::string Quote(std::string_view text);

}  // namespace lethe::toml
