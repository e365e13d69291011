// Calls of nextval() and its kin.
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast_expression.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Whether it is nextval(), currval(), setval() or lastval(), or txid_current(), which only a session knows, too.
bool is_sequence_call(const FunctionCall& call);
// Whether there is one of them in the expression, or anywhere in the query.
bool calls_sequence(const Expression& expression);
bool calls_sequence(const Query& query);

// nextval('s'::regclass) is nextval('s'): the sequence is found by its name, or by the number of one. Nothing happens to
// other calls.
bool names_by_regclass(const FunctionCall& call);
void take_sequence_name(FunctionCall& call);

// What is written in the texts of its calls of nextval(): those that a DEFAULT depends on.
std::vector<std::string> sequences_named_in(const Expression& expression);

}  // namespace engine
