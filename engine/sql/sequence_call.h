// Calls of nextval() and similar functions.
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast_expression.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Whether it is nextval(), currval(), setval() or lastval(), or txid_current(), which also only a session can compute.
bool is_sequence_call(const FunctionCall& call);
// Whether the expression, or the query, contains such a call at any depth.
bool calls_sequence(const Expression& expression);
bool calls_sequence(const Query& query);

// nextval('s'::regclass) becomes nextval('s'): the sequence is found by its name, or by its number. Other calls are
// unchanged.
bool names_by_regclass(const FunctionCall& call);
void take_sequence_name(FunctionCall& call);

// The names in its calls of nextval(): the sequences that a DEFAULT depends on.
std::vector<std::string> sequences_named_in(const Expression& expression);

}  // namespace engine
