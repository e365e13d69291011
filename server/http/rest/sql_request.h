// What a request of ksqlDB's API says: statements, and with which settings they run.
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
  std::string text;                               // of all statements
  std::map<std::string, std::string> properties;  // as they stand in the request
  std::map<std::string, std::string> variables;
  std::vector<std::shared_ptr<const engine::ParsedStatement>> statements;
};

// Of the body of POST /ksql, /query and /query-stream: {"ksql": "...", "streamsProperties": {...}} or {"sql": "...",
// "properties": {...}}, and "sessionVariables". Fails with ProtocolViolation when it is no such object, and as
// parse_script() does, the text of the statements then being in `failed_text`. It may take long for a long body.
Result<SqlRequest> read_sql_request(std::string_view body, std::string& failed_text,
                                    const std::atomic<bool>* is_cancelled = nullptr);

}  // namespace server::http
