// Walks through JSON texts in place: values are slices of the text; no bytes are copied and no tree is built. Invalid
// JSON is detected where the walk reaches it; skipped parts are not checked. Private to engine/functions.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine::json {

enum class SliceKind : uint8_t { Object, Array, String, Number, Boolean, Null };

// Decides by the first character; a slice has no surrounding blanks and is not empty.
SliceKind kind_of(std::string_view slice);
inline bool is_container(SliceKind kind) {
  return kind == SliceKind::Object || kind == SliceKind::Array;
}

// Parts of json are json, and parts of jsonb are jsonb. A plain text is treated as json.
SqlType part_type(const SqlType& whole);
// The part type for a function's first argument.
Result<SqlType> type_of_part(std::span<const SqlType> arguments);
// Error for a value that an operator or a function does not support.
Error unfit(std::string message);

// Returns the value that is the whole text. Fails with InvalidText if the text is no value.
Result<std::string_view> whole_slice(std::string_view text);

struct MemberSlice {
  std::string_view name;  // with its quotes; empty for an element of an array
  std::string_view value;
};

// Iterates over the members of an object or the elements of an array. The slice must outlive the walk.
class MemberWalk {
 public:
  explicit MemberWalk(std::string_view container);
  // Returns nullopt behind the last member. Fails with InvalidText.
  Result<std::optional<MemberSlice>> next();

 private:
  Result<std::string_view> value();

  std::string_view rest_;
  char end_;
  bool is_first_ = true;
};

// Returns all members at once.
Result<std::vector<MemberSlice>> members_of(std::string_view container);

// Returns the content of a quoted string. Invalid escapes stay unchanged.
std::string unquoted(std::string_view string);
// Returns whether the content of the string is `text`.
bool says(std::string_view string, std::string_view text);

// Returns the text of a value as ->> does: the content of a string, nullopt for null, other values as written.
std::optional<std::string> text_of(std::string_view slice);

// Returns the member of that name, the last of several; nullopt if the slice is no object or has no such member.
Result<std::optional<std::string_view>> member_named(std::string_view slice, std::string_view name);
// Returns the element at an index from 0, or from the end with -1; nullopt if the slice is no array or has no such
// element.
Result<std::optional<std::string_view>> element_at(std::string_view slice, int64_t place);

}  // namespace engine::json
