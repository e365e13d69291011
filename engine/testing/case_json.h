// A JSON document as a tree that keeps how its numbers are spelled: 1.0, 1 and 1E0 are different
// answers in the test format.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace engine {

enum class CaseJsonKind : uint8_t { Null, Boolean, Number, String, Array, Object };

struct CaseJson {
  CaseJsonKind kind = CaseJsonKind::Null;
  bool boolean = false;
  std::string text;             // of a String: its characters; of a Number: its spelling
  std::vector<CaseJson> items;  // of an Array
  std::vector<std::pair<std::string, CaseJson>> members;  // of an Object, in order, names distinct

  bool is_null() const { return kind == CaseJsonKind::Null; }
  // nullptr when this is no object or has no such member.
  const CaseJson* find(std::string_view name) const;
  // The text of a member that is a string; empty when there is none.
  std::string text_of(std::string_view name) const;
};

// Of a member that occurs twice the last one counts. Fails with InvalidText on anything that is not
// one JSON value, or is nested deeper than 200.
Result<CaseJson> parse_case_json(std::string_view text);

// Without blanks; numbers as they were spelled.
std::string case_json_text(const CaseJson& node);

}  // namespace engine
