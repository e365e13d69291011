#include "server/http/rest/sql_errors.h"

#include <fmt/format.h>

#include "engine/json/json_writer.h"

namespace server::http {

int ksql_error_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::ProtocolViolation:
    case ErrorCode::InvalidEncoding:
      return error_code::kBadRequest;
    case ErrorCode::InsufficientPrivilege:
      return error_code::kForbidden;
    case ErrorCode::OutOfMemory:
    case ErrorCode::TooManyStatements:
    case ErrorCode::TooManyConnections:
    case ErrorCode::ReadTimeout:
    case ErrorCode::DiskFull:
    case ErrorCode::NotLeader:
      return error_code::kNotReady;
    case ErrorCode::ShuttingDown:
      return error_code::kShuttingDown;
    case ErrorCode::Internal:
    case ErrorCode::StorageFailure:
    case ErrorCode::DataCorrupted:
    case ErrorCode::NetworkFailure:
    case ErrorCode::QueryCanceled:
      return error_code::kServerError;
    default:
      return error_code::kBadStatement;
  }
}

std::string full_message(const Error& error) {
  std::string message = error.message;
  if (error.position && error.code != ErrorCode::SyntaxError)
    message = fmt::format("line {}:{}: {}", error.position->line, error.position->column, message);
  if (!error.detail.empty()) message += "\n" + error.detail;
  if (!error.hint.empty()) message += "\n" + error.hint;
  if (!error.ksqldb.empty()) message += "\n" + error.ksqldb;
  return message;
}

Response statement_error(const Error& error, std::string_view statement_text,
                         std::string_view entities) {
  const int code = ksql_error_code(error.code);
  if (code == error_code::kBadRequest || code == error_code::kForbidden)
    return error_response(code, full_message(error));
  return statement_error(code, full_message(error), statement_text, entities);
}

Response statement_error(int code, std::string_view message, std::string_view statement_text,
                         std::string_view entities) {
  engine::JsonWriter json;
  json.begin_object();
  json.member("@type", "statement_error");
  json.member("error_code", code);
  json.member("message", message);
  json.member("statementText", statement_text);
  json.key("entities");
  json.raw(fmt::format("[{}]", entities));
  json.end_object();
  return json_response(json.take(), code / 100);
}

std::string error_object(const Error& error) {
  return error_response(ksql_error_code(error.code), full_message(error)).body;
}

}  // namespace server::http
