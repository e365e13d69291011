// Goes through JSON texts without copying them or building a tree: values are slices of the text.
// Invalid JSON is detected only where it is read; skipped parts are not checked. Used only in
// engine/functions.
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

// Returns the kind of a slice by its first character. A slice has no surrounding blanks and is not empty.
SliceKind kind_of(std::string_view slice);
inline bool is_container(SliceKind kind) {
  return kind == SliceKind::Object || kind == SliceKind::Array;
}

// Returns the type of a part of a JSON value: json if the whole is json or a plain text, and jsonb
// if it is jsonb.
SqlType part_type(const SqlType& whole);
// Returns the part type for the first argument of a function.
Result<SqlType> type_of_part(std::span<const SqlType> arguments);
// Returns the error for a value that an operator or a function does not support.
Error unfit(std::string message);

// Returns the slice of the value that the whole text contains. Fails with InvalidText if the text is not a value.
Result<std::string_view> whole_slice(std::string_view text);

struct MemberSlice {
  std::string_view name;  // with its quotes; empty for an element of an array
  std::string_view value;
};

// Iterates over the members of an object or the elements of an array. The slice must outlive the walk.
class MemberWalk {
 public:
  explicit MemberWalk(std::string_view container);
  // Returns nullopt after the last member. Fails with InvalidText.
  Result<std::optional<MemberSlice>> next();

 private:
  Result<std::string_view> value();

  std::string_view rest_;
  char end_;
  bool is_first_ = true;
};

// Returns all members.
Result<std::vector<MemberSlice>> members_of(std::string_view container);

// Returns the content of a quoted string. Invalid escapes stay unchanged.
std::string unquoted(std::string_view string);
// Returns whether the content of the string is `text`.
bool says(std::string_view string, std::string_view text);

// Returns the text of a value as the operator ->> does: the content of a string, nullopt for null,
// and other values as they are written.
std::optional<std::string> text_of(std::string_view slice);

// Returns the member with the name, the last one of several; nullopt if the slice is not an object or has no such
// member.
Result<std::optional<std::string_view>> member_named(std::string_view slice, std::string_view name);
// Returns the element at an index. Indexes count from 0; negative ones count from the end, where -1
// is the last element. Returns nullopt if the slice is not an array or has no such element.
Result<std::optional<std::string_view>> element_at(std::string_view slice, int64_t place);

}  // namespace engine::json
