// Recognises calls of nextval() and similar functions.
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast_expression.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the call is nextval(), currval(), setval() or lastval(), or txid_current(), which only a session can
// compute, too.
bool is_sequence_call(const FunctionCall& call);
// Returns whether the expression, or the query, contains such a call at any depth.
bool calls_sequence(const Expression& expression);
bool calls_sequence(const Query& query);

// take_sequence_name() changes nextval('s'::regclass) to nextval('s'), because a sequence is found by its name or by
// its number. Other calls stay unchanged. names_by_regclass() returns whether the call would be changed.
bool names_by_regclass(const FunctionCall& call);
void take_sequence_name(FunctionCall& call);

// Returns the names in calls of nextval(), which are the sequences that a DEFAULT depends on.
std::vector<std::string> sequences_named_in(const Expression& expression);

}  // namespace engine
