#include "server/http/rest/server_pages.h"

#include <utility>

#include "engine/json/json_writer.h"
#include "server/http/accept.h"

namespace server::http {

namespace {

using engine::JsonWriter;

// The version of ksqlDB whose API the server implements. ksqlDB's clients ask for the version
// first.
constexpr std::string_view kKsqlVersion = "0.29.0";

Response text_response(std::string text, int status = 200) {
  return {.head = {.status = status, .content_type = "text/plain; charset=utf-8"},
          .body = std::move(text)};
}

Response busy() {
  return error_response(error_code::kNotReady, "too many requests are queued; try again");
}

std::string server_info(const ServerView& view) {
  JsonWriter json;
  json.begin_object();
  json.key("KsqlServerInfo");
  json.begin_object();
  json.member("version", kKsqlVersion);
  json.member("kafkaClusterId", view.cluster_id);
  json.member("ksqlServiceId", view.service_id);
  json.member("serverStatus", view.is_ready() ? "RUNNING" : "TERMINATING");
  json.member("millraceVersion", MILLRACE_VERSION);
  json.end_object();
  json.end_object();
  return json.take();
}

Response health(const ServerView& view) {
  const bool is_ready = view.is_ready(), accepts = view.accepts_appends();
  const bool is_healthy = is_ready && accepts;
  JsonWriter json;
  json.begin_object();
  json.member("isHealthy", is_healthy);
  json.key("details");
  json.begin_object();
  for (const auto& [name, is_well] :
       {std::pair{"metastore", is_ready}, {"kafka", accepts}, {"commandRunner", is_ready}}) {
    json.key(name);
    json.begin_object();
    json.member("isHealthy", is_well);
    json.end_object();
  }
  json.end_object();
  json.member("serverState", is_ready ? "READY" : "TERMINATING");
  json.end_object();
  return json_response(json.take(), is_healthy ? 200 : 503);
}

void add_identity(JsonWriter& json, const ServerView& view) {
  json.begin_object();
  json.member("id", "");
  json.key("scope");
  json.begin_object();
  json.key("path");
  json.begin_array();
  json.end_array();
  json.key("clusters");
  json.begin_object();
  json.member("kafka-cluster", view.cluster_id);
  json.member("ksql-cluster", view.service_id);
  json.member("schema-registry-cluster", "schema-registry");
  json.end_object();
  json.end_object();
  json.end_object();
}

std::string cluster_identity(const ServerView& view) {
  JsonWriter json;
  add_identity(json, view);
  return json.take();
}

std::string server_metadata(const ServerView& view) {
  JsonWriter json;
  json.begin_object();
  json.member("version", kKsqlVersion);
  json.key("clusterId");
  add_identity(json, view);
  json.end_object();
  return json.take();
}

constexpr std::string_view kHtml = "text/html";

// Returns the page that a browser shows for the path "/".
Response front_page() {
  constexpr std::string_view kPage =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Millrace</title>"
      "<style>body{font:16px/1.5 sans-serif;max-width:46em;margin:3em auto;padding:0 1em}"
      "pre{background:#eee;padding:.7em;overflow:auto}</style><h1>Millrace " MILLRACE_VERSION
      "</h1><p>A streaming database. This port speaks HTTP:</p><ul>"
      "<li><a href=\"/info\">/info</a>: the server and its version"
      "<li><a href=\"/healthcheck\">/healthcheck</a>, <a href=\"/metrics\">/metrics</a>: "
      "health, metrics for Prometheus"
      "<li><code>POST /ksql</code>, <code>/query-stream</code>: statements and queries, as in "
      "ksqlDB<li><a href=\"/subjects\">/subjects</a>: the schema registry"
      "<li><a href=\"/topics\">/topics</a>: topics, over the REST proxy</ul>"
      "<p>A first statement, with SQL clients or with curl:</p>"
      "<pre>psql -h HOST -p 7432 -c 'SHOW STREAMS'\n"
      "curl HOST:8088/ksql -d '{\"ksql\": \"SHOW STREAMS;\"}'</pre>"
      "<p>The manual is in <code>docs/</code>: README.md, docs/sql, docs/HTTP.md.</p></html>\n";
  Response page{.head = {.content_type = "text/html; charset=utf-8"}, .body = std::string(kPage)};
  page.head.headers = {{"content-security-policy",
                        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                        "form-action 'none'; frame-ancestors 'none'"},
                       {"x-content-type-options", "nosniff"}};
  return page;
}

// Paths of ksqlDB that have no meaning for this server, or are not supported yet.
struct MissingPage {
  const char *method, *path, *why;
};
constexpr MissingPage kMissingPages[] = {
    {"POST", "/ksql/terminate",
     "a server cannot be stopped over HTTP: stop its process, or use TERMINATE ALL to end its "
     "queries and DROP to remove their results"},
    {"GET", "/ws/query",
     "WebSockets are not supported yet: POST /query-stream returns the same rows"},
};

void add_place(JsonWriter& json, const QueryPlace& place) {
  json.key(place.query_id);
  json.begin_object();
  json.key("activeStores");
  json.begin_array();
  for (const std::string& store : place.stores) json.text(store);
  json.end_array();
  json.key("activePartitions");
  json.begin_array();
  for (const QueryPlace::Partition& each : place.partitions) {
    json.begin_object();
    json.member("topic", each.topic);
    json.member("partition", int64_t{each.partition});
    json.end_object();
  }
  json.end_array();
  for (const char* standby : {"standByStores", "standByPartitions"}) {
    json.key(standby);
    json.begin_array();
    json.end_array();
  }
  json.end_object();
}

std::string cluster_status(const ServerView& view, const std::string& address) {
  JsonWriter json;
  json.begin_object();
  json.key("clusterStatus");
  json.begin_object();
  json.key(address);
  json.begin_object();
  json.member("hostAlive", true);
  json.member("lastStatusUpdateMs", view.wall_ms());
  json.key("activeStandbyPerQuery");
  json.begin_object();
  for (const QueryPlace& place : view.query_places()) add_place(json, place);
  json.end_object();
  json.key("hostStoreLags");
  json.begin_object();
  json.key("stateStoreLags");
  json.begin_object();
  json.end_object();
  json.member("updateTimeMs", int64_t{0});
  json.end_object();
  json.end_object();
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace

void add_server_pages(Routes& routes, const ServerView& view) {
  routes.add({.method = "GET",
              .path = "/healthz",
              .handler = answer_with([](const Request&) { return text_response("ok\n"); }),
              .is_public = true});
  routes.add({.method = "GET",
              .path = "/readyz",
              .handler = answer_with([view](const Request&) {
                if (!view.is_ready())
                  return text_response("the server is starting or stopping\n", 503);
                if (view.is_suspended && view.is_suspended())
                  return text_response("other nodes lead the partitions of this node\n", 503);
                if (view.is_isolated && view.is_isolated())
                  return text_response(
                      "this node is connected neither with a controller nor with most of the other "
                      "nodes\n",
                      503);
                if (!view.accepts_appends()) return text_response("the disk is full\n", 503);
                return text_response("ready\n");
              }),
              .is_public = true});
  routes.add({"GET", "/metrics", answer_later([view](const Request&, ResponseDone done) {
                view.metrics([done = std::move(done)](std::shared_ptr<const std::string> page) {
                  if (!page) return done(busy());
                  done({.head = {.content_type = "text/plain; version=0.0.4; charset=utf-8"},
                        .body = *page});
                });
              })});
  const Handler info =
      answer_with([view](const Request&) { return json_response(server_info(view)); });
  routes.add({"GET", "/info", info});
  routes.add({"GET", "/v1/metadata/id", answer_with([view](const Request&) {
                return json_response(cluster_identity(view));
              })});
  routes.add({"GET", "/v1/metadata", answer_with([view](const Request&) {
                return json_response(server_metadata(view));
              })});
  // Container schedulers send their health checks to these paths.
  routes.add({"GET", "/chc/live", answer_with([](const Request&) { return json_response("{}"); })});
  routes.add({"GET", "/chc/ready", answer_with([view](const Request&) {
                return json_response("{}", view.is_ready() ? 200 : 503);
              })});
  for (const MissingPage& page : kMissingPages)
    routes.add({page.method, page.path, answer_with([&page](const Request&) {
                  return error_response(error_code::kNotSupported, page.why);
                })});
  const bool has_console = view.has_console;
  routes.add({.method = "GET",
              .path = "/",
              .handler = answer_with([has_console](const Request& request) {
                const auto type = accepted_type(request.header("accept"), {kJson, kHtml});
                if (type == kHtml && !has_console) return front_page();
                const std::string to = type == kHtml ? "/console/" : "/info";
                Response moved = text_response("see " + to + "\n", 307);
                moved.head.headers.push_back({"location", to});
                return moved;
              }),
              .is_public = has_console});
  routes.add({"GET", "/healthcheck", answer_with([view](const Request&) { return health(view); })});
  routes.add({"GET", "/clusterStatus", answer_later([view](const Request&, ResponseDone done) {
                // The address is read here, on the loop, because the front end may be destroyed
                // before the worker runs.
                const bool is_taken = view.run_aside([view, done, address = view.address()] {
                  done(json_response(cluster_status(view, address)));
                });
                if (!is_taken) done(busy());
              })});
}

}  // namespace server::http
