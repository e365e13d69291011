#include "engine/testing/expected_error.h"

namespace engine {
namespace {

bool type_matches(std::string_view type, const Error& error, FailedAt where) {
  if (type.empty()) return true;
  if (type.ends_with(".StreamsException")) return where == FailedAt::Feeding;
  if (where != FailedAt::Planning) return false;
  if (type.ends_with(".ParseFailedException")) return error.code == ErrorCode::SyntaxError;
  // ksqlDB uses both exceptions for any refused statement, whatever the reason.
  return type.ends_with(".KsqlStatementException") || type.ends_with(".KsqlException");
}

}  // namespace

bool matches(const ExpectedError& expected, const Error& error, FailedAt where) {
  if (error.code == ErrorCode::NotSupported || error.code == ErrorCode::Internal) return false;
  if (!type_matches(expected.type, error, where)) return false;
  std::string text = error.message + "\n" + error.detail + "\n" + error.ksqldb;
  // Kafka Streams reports any failure while processing a record with this text.
  if (where == FailedAt::Feeding) text += "\nException caught in process";
  return text.find(expected.message) != text.npos && text.find(expected.cause_message) != text.npos;
}

}  // namespace engine
