#include "engine/expr/null_failures.h"

namespace engine {

namespace {

constexpr std::string_view kArgument = "argument ", kIsNull = " is null";

}  // namespace

std::string null_argument(size_t number, std::string_view function) {
  std::string text(kArgument);
  text.append(std::to_string(number)).append(" of ").append(function).append(kIsNull);
  return text;
}

bool is_null_failure(std::string_view message) {
  return message == kNullCondition || message == kNotOfNull || message == kLikeWithNull ||
         (message.starts_with(kArgument) && message.ends_with(kIsNull));
}

Status refuse_failures(const RowErrors& errors) {
  for (const RowErrors::Message& message : errors.messages())
    if (!is_null_failure(message.text)) return Error{message.code, message.text};
  return {};
}

}  // namespace engine
