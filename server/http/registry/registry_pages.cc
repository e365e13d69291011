#include "server/http/registry/registry_pages.h"

#include <fmt/format.h>

#include "engine/json/json_writer.h"
#include "server/http/registry/registry_handlers.h"
#include "server/http/registry/registry_json.h"

namespace server::http {

namespace {

// The version of Confluent's registry whose API the server implements.
constexpr std::string_view kRegistryVersion = "7.9.0";

Response plain_refusal(int code, std::string_view message) {
  return registry_error(
      {code / 100, fmt::format("HTTP {} {}: {}", code / 100, reason_phrase(code / 100), message)});
}

std::string cluster_identity(const std::string& cluster_id) {
  engine::JsonWriter json;
  json.begin_object();
  json.key("scope");
  json.begin_object();
  json.key("path");
  json.begin_array();
  json.end_array();
  json.key("clusters");
  json.begin_object();
  json.member("kafka-cluster", cluster_id);
  json.member("schema-registry-cluster", "schema-registry");
  json.end_object();
  json.end_object();
  json.end_object();
  return json.take();
}

// Features of Confluent's registry that this registry lacks.
struct MissingRow {
  const char *path, *what;
};
constexpr MissingRow kMissing[] = {
    {"/exporters", "exporting schemas to other registries"},
    {"/exporters/{name}", "exporting schemas to other registries"},
    {"/dek-registry/v1/keks", "keeping keys for the encryption of fields"},
    {"/dek-registry/v1/keks/{name}", "keeping keys for the encryption of fields"},
    {"/dek-registry/v1/keks/{name}/deks", "keeping keys for the encryption of fields"},
};

void add_missing_pages(Routes& routes) {
  for (const MissingRow& row : kMissing)
    for (const char* method : {"GET", "POST", "PUT", "DELETE"})
      routes.add({method, row.path, answer_with([&row](const Request&) {
                    return registry_error({501, fmt::format("{} is not supported yet", row.what)});
                  })});
}

}  // namespace

void add_registry_pages(Routes& routes, const RegistryView& view) {
  add_registry_questions(routes, view);
  add_registry_changes(routes, view);
  add_missing_pages(routes);
  routes.add({"GET", "/v1/metadata/version", answer_with([](const Request&) {
                return registry_response(member_json("version", kRegistryVersion));
              })});
}

Routes registry_routes(const RegistryView& view, const std::string& cluster_id) {
  Routes routes(plain_refusal);
  add_registry_pages(routes, view);
  routes.add({"GET", "/v1/metadata/id", answer_with([cluster_id](const Request&) {
                return registry_response(cluster_identity(cluster_id));
              })});
  // Clients send this request to check whether the registry is available.
  routes.add({"GET", "/", answer_with([](const Request&) { return registry_response("{}"); })});
  return routes;
}

}  // namespace server::http
