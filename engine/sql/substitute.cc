#include <cctype>
#include <unordered_map>

#include "engine/sql/parse.h"

namespace engine {
namespace {

constexpr std::string_view kOpening = "${";

std::string in_lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

Error too_many_references() {
  return Error{ErrorCode::LimitExceeded, "the statement refers to more than " +
                                             std::to_string(kMaxVariableReferences) + " variables"};
}

Error too_long(size_t max_bytes) {
  return Error{ErrorCode::LimitExceeded, "the statement is longer than " +
                                             std::to_string(max_bytes) +
                                             " bytes after substitution of its variables"};
}

}  // namespace

Result<std::string> substitute_variables(std::string_view text,
                                         const std::map<std::string, std::string>& variables,
                                         size_t max_bytes) {
  std::unordered_map<std::string, std::string_view> values;
  for (const auto& [name, value] : variables) values.try_emplace(in_lower_case(name), value);
  std::string result;
  size_t taken = 0, references = 0;  // bytes of the text that are in `result`
  // Each search continues from the last result, so that the total time is linear in the text even
  // with many openings and one end.
  size_t end = text.find('}');
  for (size_t start = text.find(kOpening); start != std::string_view::npos;) {
    const size_t next = text.find(kOpening, start + kOpening.size());
    if (end < start) end = text.find('}', start);
    if (end == std::string_view::npos) break;
    // If several openings precede one end, only the last begins a reference, because the text
    // between two openings is not a name. $${name} stands for the characters ${name}.
    if (start > taken && text[start - 1] == '$') {
      result.append(text.substr(taken, start - 1 - taken));
      taken = start;
    } else if (end < next) {
      if (++references > kMaxVariableReferences) return too_many_references();
      const size_t name = start + kOpening.size();
      const auto found = values.find(in_lower_case(text.substr(name, end - name)));
      if (found != values.end()) {
        result.append(text.substr(taken, start - taken)).append(found->second);
        taken = end + 1;
      }
    }
    if (result.size() > max_bytes) return too_long(max_bytes);
    start = next;
  }
  result.append(text.substr(taken));
  if (result.size() > max_bytes) return too_long(max_bytes);
  return result;
}

}  // namespace engine
