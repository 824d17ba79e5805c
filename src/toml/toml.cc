#include "toml/toml.h"

// The library throws only where its own parse fails; it is caught below, in this module.
#include <toml++/toml.h>

#include "base/hex.h"
#include "base/strings.h"

namespace lethe::toml {
namespace {

namespace library = ::toml;

int LineOf(const library::node& node) { return static_cast<int>(node.source().begin.line); }

std::string Where(const std::string& file, int line) {
  return line > 0 ? file + ":" + std::to_string(line) : file;
}

std::string Scalar(const library::node& node) {
  if (const auto* s = node.as_string()) return s->get();
  if (const auto* i = node.as_integer()) return std::to_string(i->get());
  if (const auto* b = node.as_boolean()) return b->get() ? "true" : "false";
  return {};
}

bool IsScalar(const library::node& node) {
  return node.is_string() || node.is_integer() || node.is_boolean();
}

// The library's words, which quote the document in apostrophes of their own.
std::string PrintableWords(std::string_view words) {
  std::vector<std::string> out;
  for (const std::string_view between : Split(words, '\'')) out.push_back(Printable(between));
  return Join(out, "'");
}

}  // namespace

struct TableReader::Node {
  std::shared_ptr<const library::table> root;  // keeps the document alive
  const library::table* table;
};

Result<TableReader> TableReader::Parse(std::string_view text, std::string file) {
  constexpr size_t kMaxBytes = 16U << 20;
  if (text.size() > kMaxBytes) {
    return Error{ErrorCode::kMalformed, file + ": larger than 16 MiB"};
  }
  try {
    auto root = std::make_shared<const library::table>(library::parse(text, file));
    const library::table* table = root.get();
    return TableReader(std::make_shared<const Node>(Node{std::move(root), table}),
                       std::make_shared<const std::string>(std::move(file)), "");
  } catch (const library::parse_error& e) {
    return Error{ErrorCode::kMalformed, Where(file, static_cast<int>(e.source().begin.line)) +
                                            ": " + PrintableWords(e.description())};
  }
}

int TableReader::line() const { return LineOf(*node_->table); }

Error TableReader::ErrorAt(int line, std::string_view message) const {
  return Error{ErrorCode::kMalformed,
               Where(*file_, line > 0 ? line : this->line()) + ": " + std::string(message)};
}

Error TableReader::KeyError(std::string_view key, int line, std::string_view message) const {
  return ErrorAt(line, "key '" + std::string(key) + "'" +
                           (name_.empty() ? "" : " in [" + name_ + "]") + ": " +
                           std::string(message));
}

Result<std::optional<Located>> TableReader::OptionalString(std::string_view key) {
  asked_.emplace(key);
  const library::node* node = node_->table->get(key);
  if (node == nullptr) return std::optional<Located>();
  const auto* s = node->as_string();
  if (s == nullptr) return KeyError(key, LineOf(*node), "must be a string");
  return std::optional<Located>({s->get(), LineOf(*node)});
}

Result<Located> TableReader::String(std::string_view key) {
  auto value = LETHE_TRY(OptionalString(key));
  if (!value) return KeyError(key, 0, "is missing, must be a string");
  return std::move(*value);
}

Result<std::optional<int64_t>> TableReader::OptionalInteger(std::string_view key,
                                                            IntegerRange range) {
  asked_.emplace(key);
  const library::node* node = node_->table->get(key);
  if (node == nullptr) return std::optional<int64_t>();
  const auto* i = node->as_integer();
  if (i == nullptr || i->get() < range.min || i->get() > range.max) {
    return KeyError(key, LineOf(*node),
                    "must be an integer from " + std::to_string(range.min) + " to " +
                        std::to_string(range.max));
  }
  return std::optional<int64_t>(i->get());
}

Result<int64_t> TableReader::Integer(std::string_view key, IntegerRange range) {
  const auto value = LETHE_TRY(OptionalInteger(key, range));
  if (!value) return KeyError(key, 0, "is missing, must be an integer");
  return *value;
}

Result<bool> TableReader::Bool(std::string_view key) {
  if (node_->table->get(key) == nullptr)
    return KeyError(key, 0, "is missing, must be true or false");
  return BoolOr(key, false);
}

Result<bool> TableReader::BoolOr(std::string_view key, bool fallback) {
  asked_.emplace(key);
  const library::node* node = node_->table->get(key);
  if (node == nullptr) return fallback;
  const auto* b = node->as_boolean();
  if (b == nullptr) return KeyError(key, LineOf(*node), "must be true or false");
  return b->get();
}

Result<std::vector<Located>> TableReader::Strings(std::string_view key) {
  asked_.emplace(key);
  std::vector<Located> out;
  const library::node* node = node_->table->get(key);
  if (node == nullptr) return out;
  const auto* array = node->as_array();
  if (array == nullptr) return KeyError(key, LineOf(*node), "must be an array of strings");
  for (const library::node& element : *array) {
    const auto* s = element.as_string();
    if (s == nullptr) return KeyError(key, LineOf(element), "must be an array of strings");
    out.push_back({s->get(), LineOf(element)});
  }
  return out;
}

Result<std::vector<std::vector<std::string>>> TableReader::StringLists(std::string_view key) {
  constexpr const char* kExpected = "must be an array of arrays of strings";
  asked_.emplace(key);
  std::vector<std::vector<std::string>> out;
  const library::node* node = node_->table->get(key);
  if (node == nullptr) return out;
  if (!node->is_array()) return KeyError(key, LineOf(*node), kExpected);
  for (const library::node& element : *node->as_array()) {
    if (!element.is_array()) return KeyError(key, LineOf(element), kExpected);
    out.emplace_back();
    for (const library::node& word : *element.as_array()) {
      if (!word.is_string()) return KeyError(key, LineOf(word), kExpected);
      out.back().push_back(word.as_string()->get());
    }
  }
  return out;
}

Result<std::optional<TableReader>> TableReader::OptionalTable(std::string_view key) {
  asked_.emplace(key);
  const library::node* node = node_->table->get(key);
  if (node == nullptr) return std::optional<TableReader>();
  if (!node->is_table()) return KeyError(key, LineOf(*node), "must be a table");
  const std::string name = name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  return std::optional<TableReader>(
      TableReader(std::make_shared<const Node>(Node{node_->root, node->as_table()}), file_, name));
}

Result<TableReader> TableReader::Table(std::string_view key) {
  auto table = LETHE_TRY(OptionalTable(key));
  if (!table) return KeyError(key, 0, "is missing, must be a table");
  return std::move(*table);
}

Result<std::vector<TableReader>> TableReader::Tables(std::string_view key) {
  asked_.emplace(key);
  std::vector<TableReader> out;
  const library::node* node = node_->table->get(key);
  if (node == nullptr) return out;
  const auto* array = node->as_array();
  if (array == nullptr) return KeyError(key, LineOf(*node), "must be an array of tables");
  const std::string name = name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  for (const library::node& element : *array) {
    if (!element.is_table()) return KeyError(key, LineOf(element), "must be an array of tables");
    out.push_back(TableReader(std::make_shared<const Node>(Node{node_->root, element.as_table()}),
                              file_, name));
  }
  return out;
}

Result<std::vector<std::pair<Located, Located>>> TableReader::FreeStrings(std::string_view key) {
  std::vector<std::pair<Located, Located>> out;
  const auto reader = LETHE_TRY(OptionalTable(key));
  if (!reader) return out;
  for (const auto& [name, node] : *reader->node_->table) {
    if (!IsScalar(node)) {
      return reader->KeyError(name.str(), LineOf(node), "must be a string, integer or boolean");
    }
    out.push_back({{std::string(name.str()), static_cast<int>(name.source().begin.line)},
                   {Scalar(node), LineOf(node)}});
  }
  return out;
}

Status TableReader::Finish() const {
  for (const auto& [name, node] : *node_->table) {
    if (asked_.contains(name.str())) continue;
    std::string allowed;
    for (const auto& key : asked_) allowed += (allowed.empty() ? "" : ", ") + key;
    return ErrorAt(static_cast<int>(name.source().begin.line),
                   "unknown key '" + Printable(name.str()) + "'" +
                       (name_.empty() ? "" : " in [" + name_ + "]") + "; allowed: " + allowed);
  }
  return {};
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00" + HexEncode({&byte, 1});
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace lethe::toml
