// Errors of statements in ksqlDB's form.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/message.h"

namespace server::http {

// Returns the error number of ksqlDB: 40001 for any error in a statement.
int ksql_error_code(ErrorCode code);
// Returns the message, the detail, the hint and ksqlDB's own message in one text, as far as they
// exist.
std::string full_message(const Error& error);

// Returns {"@type":"statement_error",...}; `entities` are the results of earlier statements,
// separated by commas.
Response statement_error(const Error& error, std::string_view statement_text,
                         std::string_view entities = {});
Response statement_error(int code, std::string_view message, std::string_view statement_text,
                         std::string_view entities = {});
// Returns an error as a JSON object, for the middle of an answer.
std::string error_object(const Error& error);

}  // namespace server::http
