#include "server/http/rest/sql_request.h"

#include <cctype>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/json/json_writer.h"
#include "engine/sql/parse.h"
#include "server/http/body_fields.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

// The limit of PostgreSQL sessions.
constexpr size_t kMaxTextBytes = 16 << 20;

// The members of ksqlDB's requests to /ksql, /query and /query-stream, including members that have
// no effect here.
constexpr std::string_view kRequestNames[] = {"ksql",
                                              "sql",
                                              "streamsProperties",
                                              "properties",
                                              "requestProperties",
                                              "configOverrides",
                                              "sessionVariables",
                                              "commandSequenceNumber"};

Error bad(std::string message) { return {ErrorCode::ProtocolViolation, std::move(message)}; }

// Returns the JSON body that the client probably meant, if the body is only a statement, as `curl
// -d 'SELECT 1'` sends it. For other bodies, returns an example for the path.
std::string sql_example_of(std::string_view body, std::string_view path) {
  // the name of a form's field, as in curl -d 'ksql=SHOW STREAMS'
  for (const std::string_view field : {"ksql=", "sql=", "query=", "statement="})
    if (body.starts_with(field)) {
      body.remove_prefix(field.size());
      break;
    }
  constexpr size_t kMostShown = 200;
  const bool is_statement = !body.empty() && body.size() <= kMostShown &&
                            std::isalpha(static_cast<unsigned char>(body.front())) != 0;
  engine::JsonWriter json;
  json.begin_object();
  const bool takes_query = path.starts_with("/query");
  json.member("ksql", is_statement ? body : takes_query ? "SELECT * FROM name;" : "SHOW STREAMS;");
  json.end_object();
  return json.take();
}

// Adds the members of an object as properties. Values may be texts, numbers or booleans; null
// leaves the property unchanged.
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
      return bad(std::string(name) + "." + key + " is neither a string nor a number nor a boolean");
  }
  return {};
}

}  // namespace

Result<SqlRequest> read_sql_request(std::string_view body, std::string_view path,
                                    std::string& failed_text,
                                    const std::atomic<bool>* is_cancelled) {
  const auto parsed = engine::parse_json_tree(body);
  const auto bad_body = [&](std::string message) {
    Error error = bad(std::move(message));
    error.hint = "Send " + sql_example_of(body, path);
    return error;
  };
  if (!parsed) return bad_body("the body of the request is " + parsed.error().message);
  if (parsed->kind != JsonKind::Object)
    return bad_body("the body of the request is not a JSON object");
  const std::string unknown =
      unrecognized_field(*parsed, kRequestNames, UnknownFields::IgnoredIfOther);
  const JsonTree* text = parsed->find("ksql");
  if (!text) text = parsed->find("sql");
  if (!text || text->kind != JsonKind::String)
    return bad_body("the body of the request has no string named ksql or sql" +
                    (unknown.empty() ? "" : ". " + unknown));
  if (!unknown.empty()) return bad(unknown);
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
