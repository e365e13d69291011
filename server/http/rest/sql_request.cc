#include "server/http/rest/sql_request.h"

#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/sql/parse.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

// As PostgreSQL's sessions have it.
constexpr size_t kMaxTextBytes = 16 << 20;

Error bad(std::string message) { return {ErrorCode::ProtocolViolation, std::move(message)}; }

// Values may be texts, numbers or booleans; null leaves the property as it is.
Status add_members(const JsonTree& body, std::string_view name,
                   std::map<std::string, std::string>& to) {
  const JsonTree* members = body.find(name);
  if (!members || members->is_null()) return {};
  if (members->kind != JsonKind::Object) return bad(std::string(name) + " is not an object");
  for (const auto& [key, value] : members->members) {
    if (value.kind == JsonKind::Boolean)
      to[key] = value.boolean ? "true" : "false";
    else if (value.kind == JsonKind::String || value.kind == JsonKind::Number)
      to[key] = value.text;
    else if (!value.is_null())
      return bad(std::string(name) + "." + key + " is neither a text nor a number nor a boolean");
  }
  return {};
}

}  // namespace

Result<SqlRequest> read_sql_request(std::string_view body, std::string& failed_text,
                                    const std::atomic<bool>* is_cancelled) {
  const auto parsed = engine::parse_json_tree(body);
  if (!parsed) return bad("the body of the request is no JSON: " + parsed.error().message);
  if (parsed->kind != JsonKind::Object) return bad("the body of the request is no JSON object");
  const JsonTree* text = parsed->find("ksql");
  if (!text) text = parsed->find("sql");
  if (!text || text->kind != JsonKind::String)
    return bad("the body of the request has no text named ksql or sql");
  SqlRequest request;
  for (const char* name : {"streamsProperties", "properties"})
    TRY(add_members(*parsed, name, request.properties));
  TRY(add_members(*parsed, "sessionVariables", request.variables));
  failed_text = text->text;
  request.text =
      request.variables.empty()
          ? text->text
          : TRY(engine::substitute_variables(text->text, request.variables, kMaxTextBytes));
  for (engine::ParsedStatement& statement : TRY(engine::parse_script(request.text, is_cancelled)))
    request.statements.push_back(
        std::make_shared<const engine::ParsedStatement>(std::move(statement)));
  failed_text.clear();
  return request;
}

}  // namespace server::http
