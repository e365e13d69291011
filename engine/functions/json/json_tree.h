// JSON texts as trees, with numbers as they are spelled: what the JSON functions work on.
// Private to engine/functions.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine::json {

// Each level costs stack.
inline constexpr int kMaxDepth = 500;
Error too_deep();

struct Member;

struct Node {
  enum class Kind : uint8_t { Missing, Null, Boolean, Number, String, Array, Object };
  Kind kind = Kind::Missing;
  // Of a String its content; of a Number its digits in plain notation, of a Boolean its name.
  std::string text;
  std::vector<Member> members;  // of an Object by name, of an Array without names

  bool is_integer() const;
  // nullptr when there is none.
  const Node* find(std::string_view name) const;
};

struct Member {
  std::string name;
  Node value;
};

// Compact JSON.
void append(std::string& out, const Node& node);
// A String's content; compact JSON of all else.
std::string field_text(const Node& node);

// Threads: one at a time.
class Parser {
 public:
  Parser();
  ~Parser();
  // The first value in the text, whatever follows it; Missing for a blank text. Of members with
  // one name the last counts. Fails with InvalidText.
  Result<Node> parse(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace engine::json
