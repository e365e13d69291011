// Errors of statements in ksqlDB's words.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/message.h"

namespace server::http {

// The number that ksqlDB would give to it: 40001 for whatever is wrong with a statement.
int ksql_error_code(ErrorCode code);
// Message, detail, hint and ksqlDB's own words for it, as far as there are such.
std::string full_message(const Error& error);

// {"@type":"statement_error",...}: `entities` are those of the statements before it, with commas.
Response statement_error(const Error& error, std::string_view statement_text,
                         std::string_view entities = {});
Response statement_error(int code, std::string_view message, std::string_view statement_text,
                         std::string_view entities = {});
// What goes wrong in the middle of an answer.
std::string error_object(const Error& error);

}  // namespace server::http
