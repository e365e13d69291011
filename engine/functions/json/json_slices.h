// JSON texts that are walked through as they are written: values are slices of the text, nothing is copied and no tree is
// made. What is no JSON is met where it is walked through; what is passed over is not looked at.
// Private to engine/functions.
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

// By its first character; a slice has no blanks around it and is not empty.
SliceKind kind_of(std::string_view slice);
inline bool is_container(SliceKind kind) {
  return kind == SliceKind::Object || kind == SliceKind::Array;
}

// Parts of json are json, and parts of jsonb jsonb. A plain text is taken for json.
SqlType part_type(const SqlType& whole);
// The same, of a function's first argument.
Result<SqlType> type_of_part(std::span<const SqlType> arguments);
// Of a value that an operator or a function does not take.
Error unfit(std::string message);

// The value that is the whole text. Fails with InvalidText where there is none.
Result<std::string_view> whole_slice(std::string_view text);

struct MemberSlice {
  std::string_view name;  // with its quotes; of an array's element empty
  std::string_view value;
};

// The members of an object or the elements of an array, one after the other. The slice outlives the walk.
class MemberWalk {
 public:
  explicit MemberWalk(std::string_view container);
  // Nothing behind the last one. Fails with InvalidText.
  Result<std::optional<MemberSlice>> next();

 private:
  Result<std::string_view> value();

  std::string_view rest_;
  char end_;
  bool is_first_ = true;
};

// All of them at once.
Result<std::vector<MemberSlice>> members_of(std::string_view container);

// What a string in quotes says. Escapes that are none stay as they are.
std::string unquoted(std::string_view string);
// Whether it says `text`.
bool says(std::string_view string, std::string_view text);

// The text of a value as ->> gives it: what a string says, nothing of null, all else as it is written.
std::optional<std::string> text_of(std::string_view slice);

// The member of that name, the last of several; nothing where it is no object or has none.
Result<std::optional<std::string_view>> member_named(std::string_view slice, std::string_view name);
// The element at a place, counted from 0, or from the end with -1; likewise.
Result<std::optional<std::string_view>> element_at(std::string_view slice, int64_t place);

}  // namespace engine::json
