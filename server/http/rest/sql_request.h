// Reads a request of ksqlDB's API: statements and their settings.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"

namespace server::http {

struct SqlRequest {
  std::string text;                               // text of all statements
  std::map<std::string, std::string> properties;  // properties as the request has them
  std::map<std::string, std::string> variables;
  std::vector<std::shared_ptr<const engine::ParsedStatement>> statements;
};

// Reads the body of POST /ksql, /query and /query-stream: {"ksql": "...", "streamsProperties":
// {...}} or {"sql": "...", "properties": {...}}, and "sessionVariables". Fails with
// ProtocolViolation if the body is not such an object, and as parse_script() does, with the
// statements' text in `failed_text`. The hint has an example for the path of the request. Takes long
// for a long body.
Result<SqlRequest> read_sql_request(std::string_view body, std::string_view path,
                                    std::string& failed_text,
                                    const std::atomic<bool>* is_cancelled = nullptr);

}  // namespace server::http
