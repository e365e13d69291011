// Parses JSON texts to trees, for the JSON functions. Numbers keep their spelling. Used only in
// engine/functions.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine::json {

// A limit, because each level takes stack space.
inline constexpr int kMaxDepth = 500;
Error too_deep();

struct Member;

struct Node {
  enum class Kind : uint8_t { Missing, Null, Boolean, Number, String, Array, Object };
  Kind kind = Kind::Missing;
  // String: its content; Number: its digits in plain notation; Boolean: its name.
  std::string text;
  std::vector<Member> members;  // Object: by name; Array: without names

  bool is_integer() const;
  // Returns nullptr if no member has the name.
  const Node* find(std::string_view name) const;
};

struct Member {
  std::string name;
  Node value;
};

// Appends compact JSON.
void append(std::string& out, const Node& node);
// Returns the text of a String node without quotes, and compact JSON for other kinds.
std::string field_text(const Node& node);

// Parses JSON texts.
//
// Threads: one at a time.
class Parser {
 public:
  Parser();
  ~Parser();
  // Parses the first value in the text and ignores the rest; returns Missing for a blank text. The
  // last of several members with the same name counts. Fails with InvalidText.
  Result<Node> parse(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace engine::json
