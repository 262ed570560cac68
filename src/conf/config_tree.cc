#include "petrel/conf/config_tree.h"

#include "conf/characters.h"
#include "conf/digest.h"
#include "conf/lexer.h"
#include "conf/paths.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

namespace petrel::conf {
namespace {

constexpr std::string_view kEnvKey = "pk";  // the key under which an environment value is parsed

constexpr size_t kNodeBytes = 64;  // of text that count as one value

Error parse_error(std::string detail) {
  return {Errc::kInvalidArgument, std::move(detail)};
}

// The factor of a size suffix: powers of 1000 for one letter, of 1024 with b, i or ib behind it.
// 0: no such suffix.
int64_t suffix_factor(std::string_view suffix) {
  if (suffix.empty()) return 1;
  constexpr std::string_view kLetters = "kmgtpe";
  const size_t power = kLetters.find(suffix[0]);
  if (power == std::string_view::npos) return 0;
  const std::string_view unit = suffix.substr(1);
  if (!unit.empty() && unit != "b" && unit != "i" && unit != "ib") return 0;
  int64_t factor = 1;
  for (size_t i = 0; i <= power; ++i) factor *= unit.empty() ? 1000 : 1024;
  return factor;
}

bool is_moment(std::string_view text) {
  const auto number = [text](size_t at, size_t size) {
    int value = 0;
    for (const char c : text.substr(at, size)) value = value * 10 + (c - '0');
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  if (month < 1 || month > 12) return false;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int days = kDays[month - 1] + (month == 2 && leap ? 1 : 0);
  return day >= 1 && day <= days && number(11, 2) < 24 && number(14, 2) < 60 && number(17, 2) < 60;
}

// What one file needs from those around it.
struct Surroundings {
  const Sources& sources;
  int includes = 0;                     // files this one is nested in
  int files = 0;                        // files read so far
  int64_t nodes = 0;                    // values read so far, in all of them
  std::set<std::string> env_open = {};  // environment variables being parsed, to find cycles
};

class TreeBuilder {
 public:
  TreeBuilder(std::string_view text, const std::string& path, Surroundings& around)
      : lexer_(text), file_(std::make_shared<const std::string>(path)), around_(around) {}

  Result<NodePtr> build();

 private:
  // A map or array that is not closed yet.
  struct Frame {
    std::shared_ptr<Map> map;      // null: an array
    std::shared_ptr<Array> array;  // null: a map
    int64_t nodes = 1;
    int depth = 1;
  };
  struct Key {
    std::string text;
    int line;
    int column;
  };

  Status accept(const Item& item);
  Status open(bool is_map, const Item& item);
  Status close(const Item& item);
  Status integer(const Item& item);
  Status real(const Item& item);
  Status date(const Item& item);
  Status variable(const Item& item);
  Status include(const Item& item);
  Result<std::optional<Value>> environment(const std::string& name);
  Node* find_variable(const std::string& name) const;
  Status set(const Item& item, Value value);
  Status set_node(NodePtr node, bool keep_position);
  NodePtr sealed(Frame frame) const;

  Lexer lexer_;
  std::shared_ptr<const std::string> file_;
  Surroundings& around_;
  std::vector<Frame> frames_;
  std::vector<Key> keys_;
};

Result<NodePtr> TreeBuilder::build() {
  frames_.push_back({std::make_shared<Map>(), nullptr});
  Item previous;
  while (true) {
    Item item = lexer_.next_item();
    if (item.kind == ItemKind::kEnd) {
      // A final '}' is taken for the end of a JSON document.
      if (previous.kind == ItemKind::kKey && previous.text != "}") {
        const Position position{*file_, item.line, item.column};
        return parse_error("config is invalid (" + position.text() + ")");
      }
      return sealed(std::move(frames_.front()));
    }
    PETREL_TRY_STATUS(accept(item));
    previous = std::move(item);
  }
}

Status TreeBuilder::accept(const Item& item) {
  switch (item.kind) {
    case ItemKind::kError:
      return parse_error("Parse error on line " + std::to_string(item.line) + ": '" + item.text +
                         "'");
    case ItemKind::kKey:
      keys_.push_back({item.text, item.line, item.column});
      return {};
    case ItemKind::kMapStart:
      return open(true, item);
    case ItemKind::kArrayStart:
      return open(false, item);
    case ItemKind::kMapEnd:
    case ItemKind::kArrayEnd:
      return close(item);
    case ItemKind::kString:
      return set(item, item.text);
    case ItemKind::kBool: {
      const std::string word = lower(item.text);
      return set(item, word == "true" || word == "yes" || word == "on");
    }
    case ItemKind::kInteger:
      return integer(item);
    case ItemKind::kFloat:
      return real(item);
    case ItemKind::kDateTime:
      return date(item);
    case ItemKind::kVariable:
      return variable(item);
    case ItemKind::kInclude:
      return include(item);
    case ItemKind::kComment:
    case ItemKind::kEnd:
      break;
  }
  return {};
}

Error nesting_error(int line) {
  return parse_error("Parse error on line " + std::to_string(line) +
                     ": 'maps and arrays nest deeper than " + std::to_string(kNestingMax) + "'");
}

Status TreeBuilder::open(bool is_map, const Item& item) {
  if (frames_.size() >= static_cast<size_t>(kNestingMax)) return nesting_error(item.line);
  Frame frame;
  if (is_map) {
    frame.map = std::make_shared<Map>();
  } else {
    frame.array = std::make_shared<Array>();
  }
  frames_.push_back(std::move(frame));
  return {};
}

Status TreeBuilder::close(const Item& item) {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frames_.empty()) return parse_error("a map or array is closed that was never opened");
  NodePtr node = sealed(std::move(frame));
  node->line = item.line;
  node->column = item.column;
  return set_node(std::move(node), false);
}

NodePtr TreeBuilder::sealed(Frame frame) const {
  auto node = std::make_shared<Node>();
  if (frame.map) {
    node->value = std::shared_ptr<const Map>(std::move(frame.map));
  } else {
    node->value = std::shared_ptr<const Array>(std::move(frame.array));
  }
  node->file = file_;
  node->nodes = frame.nodes;
  node->depth = frame.depth;
  return node;
}

Status TreeBuilder::integer(const Item& item) {
  const size_t sign = item.text.front() == '-' ? 1 : 0;
  const size_t digits_end =
      std::min(item.text.find_first_not_of("0123456789", sign), item.text.size());
  int64_t number = 0;
  const auto parsed = std::from_chars(item.text.data(), item.text.data() + digits_end, number);
  if (parsed.ec != std::errc()) {
    return parse_error("integer '" + item.text + "' is out of the range");
  }
  const int64_t factor = suffix_factor(lower(std::string_view(item.text).substr(digits_end)));
  if (factor == 0) return {};  // "1kbb": nats-server drops the value and keeps the key for later
  return set(item,
             static_cast<int64_t>(static_cast<uint64_t>(number) * static_cast<uint64_t>(factor)));
}

Status TreeBuilder::real(const Item& item) {
  double number = 0;
  const char* end = item.text.data() + item.text.size();
  const auto parsed = std::from_chars(item.text.data(), end, number);
  if (parsed.ec != std::errc()) {
    return parse_error("float '" + item.text + "' is out of the range");
  }
  return set(item, number);
}

Status TreeBuilder::date(const Item& item) {
  if (!is_moment(item.text)) {
    return parse_error("expected Zulu formatted DateTime, but got '" + item.text + "'");
  }
  return set(item, DateTime{item.text});
}

Node* TreeBuilder::find_variable(const std::string& name) const {
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    if (!frame->map) continue;
    if (Node* node = frame->map->find(name)) return node;
  }
  return nullptr;
}

Status TreeBuilder::variable(const Item& item) {
  // A bare bcrypt hash looks like a variable.
  if (item.text.rfind("2a$", 0) == 0) return set(item, "$" + item.text);
  auto copy = std::make_shared<Node>();
  if (Node* node = find_variable(item.text)) {
    node->used_as_variable = true;
    *copy = *node;
  } else {
    const std::string where =
        "variable reference for '" + item.text + "' on line " + std::to_string(item.line);
    auto value = environment(item.text);
    if (!value) return parse_error(where + " could not be parsed: " + value.error().detail);
    if (!value.value()) return parse_error(where + " can not be found");
    copy->value = std::move(**value);
  }
  copy->used_as_variable = false;
  copy->file = file_;
  copy->line = item.line;
  copy->column = item.column;
  return set_node(std::move(copy), false);
}

// The value of an environment variable is parsed as the configuration would be.
Result<std::optional<Value>> TreeBuilder::environment(const std::string& name) {
  if (around_.env_open.count(name) > 0) {
    return parse_error("variable reference cycle for '" + name + "'");
  }
  const std::optional<std::string> text = around_.sources.env.get(name);
  if (!text) return std::optional<Value>();
  around_.env_open.insert(name);
  const std::string assignment = std::string(kEnvKey) + "=" + *text;
  TreeBuilder builder(assignment, "", around_);
  auto root = builder.build();
  around_.env_open.erase(name);
  if (!root) return root.error();
  const Node* node = (*root)->map()->find(kEnvKey);
  if (node == nullptr) return std::optional<Value>();
  return std::optional<Value>(node->value);
}

Status TreeBuilder::include(const Item& item) {
  const std::string failed = "error parsing include file '" + item.text + "', ";
  if (around_.includes >= kIncludeMax) {
    return parse_error(failed + "include files nest deeper than " + std::to_string(kIncludeMax));
  }
  if (++around_.files > kIncludeFilesMax) {
    return parse_error(failed + "more than " + std::to_string(kIncludeFilesMax) +
                       " files are included");
  }
  const std::string path = join_path(directory_of(*file_), item.text);
  auto text = around_.sources.files.read(path);
  if (!text) return parse_error(failed + text.error().detail);
  ++around_.includes;
  TreeBuilder builder(*text, path, around_);
  auto root = builder.build();
  --around_.includes;
  if (!root) return parse_error(failed + root.error().detail);
  for (const Map::Entry& entry : (*root)->map()->entries()) {
    keys_.push_back({entry.key, entry.node->line, entry.node->column});
    PETREL_TRY_STATUS(set_node(entry.node, true));
  }
  return {};
}

Status TreeBuilder::set(const Item& item, Value value) {
  auto node = std::make_shared<Node>();
  // A reference copies a text, so a long one counts for more.
  node->nodes += static_cast<int64_t>(item.text.size() / kNodeBytes);
  node->value = std::move(value);
  node->file = file_;
  node->line = item.line;
  node->column = item.column;
  return set_node(std::move(node), false);
}

Status TreeBuilder::set_node(NodePtr node, bool keep_position) {
  Frame& frame = frames_.back();
  frame.nodes += node->nodes;
  frame.depth = std::max(frame.depth, node->depth + 1);
  if (frame.depth > kNestingMax) return nesting_error(node->line);
  if (frame.nodes > kNodesMax || ++around_.nodes > kNodesMax) {
    return parse_error("Parse error on line " + std::to_string(node->line) +
                       ": 'the configuration holds more than " + std::to_string(kNodesMax) +
                       " values'");
  }
  if (frame.array) {
    if (!around_.env_open.empty()) node->line = 0;
    frame.array->push_back(std::move(node));
    return {};
  }
  if (keys_.empty()) {
    return parse_error("Parse error on line " + std::to_string(node->line) +
                       ": 'a value has no key'");
  }
  const Key key = std::move(keys_.back());
  keys_.pop_back();
  if (!around_.env_open.empty()) {
    node->line = 0;
  } else if (!keep_position) {
    node->line = key.line;
    node->column = key.column;
  }
  frame.map->set(key.text, std::move(node));
  return {};
}

}  // namespace

Node* Map::find(std::string_view key) const {
  const auto found = index_.find(std::string(key));
  return found == index_.end() ? nullptr : entries_[found->second].node.get();
}

void Map::set(const std::string& key, NodePtr node) {
  const auto [found, added] = index_.try_emplace(key, entries_.size());
  if (added) {
    entries_.push_back({key, std::move(node)});
  } else {
    entries_[found->second].node = std::move(node);
  }
}

const Map* Node::map() const {
  const auto* map = std::get_if<std::shared_ptr<const Map>>(&value);
  return map == nullptr ? nullptr : map->get();
}

const Array* Node::array() const {
  const auto* array = std::get_if<std::shared_ptr<const Array>>(&value);
  return array == nullptr ? nullptr : array->get();
}

Result<ConfigTree> parse_config_text(std::string_view text, const std::string& path,
                                     const Sources& sources) {
  Surroundings around{sources};
  TreeBuilder builder(text, path, around);
  PETREL_TRY(const NodePtr root, builder.build());
  ConfigTree tree;
  tree.root = std::get<std::shared_ptr<const Map>>(root->value);
  tree.digest = sha256_digest(canonical_json(*tree.root));
  return tree;
}

Result<ConfigTree> parse_config_file(const std::string& path, const Sources& sources) {
  PETREL_TRY(const std::string text, sources.files.read(path));
  return parse_config_text(text, path, sources);
}

}  // namespace petrel::conf
