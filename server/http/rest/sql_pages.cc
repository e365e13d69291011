#include "server/http/rest/sql_pages.h"

#include <fmt/format.h>

#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/json/json_writer.h"
#include "server/http/rest/inserts_exchange.h"
#include "server/http/rest/ksql_exchange.h"
#include "server/http/rest/query_exchange.h"
#include "server/http/rest/sql_errors.h"
#include "server/http/rest/sql_stream.h"

namespace server::http {

namespace {

Handler query_handler(const SqlPages& pages, QueryEndpoint endpoint) {
  return [&pages, endpoint](Request request,
                            const ExchangeContext& context) -> std::unique_ptr<Exchange> {
    auto format = make_query_format(endpoint, request.header("accept"));
    return std::make_unique<QueryExchange>(pages, std::move(request), context, std::move(format));
  };
}

// Converts the parameters of a GET to the body of a POST with the same meaning: the parameter `sql`
// (or `ksql`) is the statement, all other parameters are properties.
std::optional<std::string> body_of_parameters(std::string_view query) {
  const auto parameters = query_parameters(query);
  if (!parameters) return std::nullopt;
  std::string sql;
  engine::JsonWriter json;
  json.begin_object();
  json.key("properties");
  json.begin_object();
  for (const auto& [name, value] : *parameters)
    if (name == "sql" || name == "ksql")
      sql = value;
    else
      json.member(name, value);
  json.end_object();
  json.member("sql", sql);
  json.end_object();
  if (sql.empty()) return std::nullopt;
  return json.take();
}

// Answers a GET of /query-stream with server-sent events. Pages read them with EventSource, which
// can only send a GET without a body.
std::unique_ptr<Exchange> begin_events(const SqlPages& pages, Request request,
                                       const ExchangeContext& context) {
  // A browser's EventSource connects again whenever the answer ends; status 204 stops it (the HTML
  // standard).
  if (request.header("last-event-id") == kEndEventId) {
    context.responder.answer({{.status = 204, .content_type = ""}, ""});
    return nullptr;
  }
  auto body = body_of_parameters(request.query);
  if (!body) {
    context.responder.answer(
        error_response(error_code::kBadRequest,
                       "the path needs a SELECT: "
                       "/query-stream?sql=SELECT%20*%20FROM%20t%20EMIT%20CHANGES; further "
                       "parameters are properties, percent-encoded as well"));
    return nullptr;
  }
  request.body = *std::move(body);
  auto format = make_query_format(QueryEndpoint::EventStream, request.header("accept"));
  return std::make_unique<QueryExchange>(pages, std::move(request), context, std::move(format),
                                         QueryRights::ReadOnly);
}

Response close_query(const SqlPages& pages, const Request& request) {
  const auto body = engine::parse_json_tree(request.body);
  const std::string id = body ? body->text_of("queryId") : std::string();
  if (id.empty())
    return error_response(error_code::kBadRequest,
                          "the body of the request is not a JSON object with a string named "
                          "queryId");
  if (!pages.queries.close(id))
    return error_response(error_code::kBadRequest, fmt::format("no open query has the id {}", id));
  return json_response("");
}

Response status_of(const SqlPages& pages, const Request& request) {
  const auto& parts = request.path_parameters;
  // Names in commands have back quotes; requests often omit them.
  for (const std::string& name : {parts[1], "`" + parts[1] + "`"}) {
    const auto message = pages.commands.find(fmt::format("{}/{}/{}", parts[0], name, parts[2]));
    if (!message) continue;
    engine::JsonWriter json;
    json.begin_object();
    json.member("status", "SUCCESS");
    json.member("message", *message);
    json.key("queryId");
    json.null();
    json.end_object();
    return json_response(json.take());
  }
  return error_response(error_code::kNotFound, "the command is not among the last ones");
}

Response all_statuses(const SqlPages& pages) {
  engine::JsonWriter json;
  json.begin_object();
  json.key("commandStatuses");
  json.begin_object();
  for (const auto& [id, message] : pages.commands.all()) {
    json.member(id, "SUCCESS");
  }
  json.end_object();
  json.end_object();
  return json_response(json.take());
}

// Answers whether a property with this name exists. The name is checked by setting the property to
// an empty value: InvalidParameter then means that only the value is wrong.
std::unique_ptr<Exchange> is_valid_property(const SqlPages& pages, const Request& request,
                                            const ExchangeContext& context) {
  const sql::SessionSettings settings;
  const sql::SessionInfo info{"http", "millrace", "http", 0, context.memory};
  const auto session = pages.backends[context.shard]->open_session(info, settings);
  const std::string name = sql::SessionSettings::spelling(request.path_parameters[0]);
  const Status known = session ? (*session)->check_property(name, "") : Status(session.error());
  if (known || known.error().code == ErrorCode::InvalidParameter)
    context.responder.answer(json_response("true"));
  else
    context.responder.answer(
        error_response(ksql_error_code(known.error().code), full_message(known.error())));
  return nullptr;
}

}  // namespace

void add_sql_pages(Routes& routes, const SqlPages& pages) {
  const auto add_statements = [&](const char* path, Handler handler) {
    routes.add({.method = "POST",
                .path = path,
                .handler = std::move(handler),
                .effect = RouteEffect::Statements});
  };
  add_statements(
      "/ksql",
      [&pages](Request request, const ExchangeContext& context) -> std::unique_ptr<Exchange> {
        return std::make_unique<KsqlExchange>(pages, std::move(request), context);
      });
  add_statements(
      "/sql",
      [&pages](Request request, const ExchangeContext& context) -> std::unique_ptr<Exchange> {
        return std::make_unique<SqlStream>(pages, std::move(request), context);
      });
  add_statements("/query", query_handler(pages, QueryEndpoint::Query));
  add_statements("/query-stream", query_handler(pages, QueryEndpoint::QueryStream));
  routes.add({"GET", "/query-stream", [&pages](Request request, const ExchangeContext& context) {
                return begin_events(pages, std::move(request), context);
              }});
  routes.add({.method = "POST",
              .path = "/inserts-stream",
              .handler = [&pages](Request request,
                                  const ExchangeContext& context) -> std::unique_ptr<Exchange> {
                return std::make_unique<InsertsExchange>(pages, request, context);
              },
              .body = BodyUse::InPieces,
              .effect = RouteEffect::Rows});
  routes.add({"POST", "/close-query", answer_with([&pages](const Request& request) {
                return close_query(pages, request);
              })});
  routes.add(
      {"GET", "/status", answer_with([&pages](const Request&) { return all_statuses(pages); })});
  routes.add({"GET", "/status/{type}/{entity}/{action}",
              answer_with([&pages](const Request& request) { return status_of(pages, request); })});
  routes.add({"GET", "/is_valid_property/{name}",
              [&pages](const Request& request, const ExchangeContext& context) {
                return is_valid_property(pages, request, context);
              }});
}

}  // namespace server::http
