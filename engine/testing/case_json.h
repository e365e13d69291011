// The JSON of cases, as a tree that keeps the spelling of numbers.
#pragma once
#include "engine/formats/json/json_tree.h"

namespace engine {

using CaseJson = JsonTree;
using CaseJsonKind = JsonKind;

inline Result<CaseJson> parse_case_json(std::string_view text) { return parse_json_tree(text); }
inline std::string case_json_text(const CaseJson& node) { return json_tree_text(node); }

}  // namespace engine
