// The settings of listeners: PostgreSQL, Kafka, HTTP with its console, the schema registry and Kafka Connect.
#include <fmt/format.h>

#include "server/connect/outside/connect_client.h"
#include "server/http/gate.h"
#include "server/node/settings.h"
#include "server/node/settings/setting_row.h"
#include "server/registry/registry_client.h"

namespace server {

namespace {

Status set_http_origins(NodeSettings& settings, const std::string& text) {
  settings.http_origins = TRY(http::parse_http_origins(text));
  return {};
}

Status set_console(NodeSettings& settings, const std::string& text) {
  using Console = NodeSettings::Console;
  for (const auto& [name, value] :
       {std::pair{"on", Console::On}, {"read-only", Console::ReadOnly}, {"off", Console::Off}})
    if (text == name) {
      settings.console = value;
      return {};
    }
  return Error{ErrorCode::InvalidParameter,
               fmt::format("\"{}\" is not on, read-only or off", text)};
}

constexpr SettingRow kListenerSettings[] = {
    {"data-dir",
     "directory of the log and the state; created if it does not exist [./millrace-data]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.data_dir = text;
       return {};
     }},
    {"pg", "HOST:PORT for PostgreSQL clients; port 0 picks a free one [127.0.0.1:7432]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.pg = TRY(parse_address(text));
       return {};
     }},
    {"kafka", "HOST:PORT,... for Kafka clients; port 0 picks a free one [127.0.0.1:9092]",
     [](NodeSettings& s, const std::string& text) { return set_addresses(s.kafka, text); }},
    {"http",
     "HOST:PORT for HTTP: metrics, health, ksqlDB's API; port 0 picks a free one, off: none "
     "[127.0.0.1:8088]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text == "off")
         s.http.reset();
       else
         s.http = TRY(parse_address(text));
       return {};
     }},
    {"http-hosts",
     "NAME,... by which clients reach the HTTP listeners, in addition to addresses, names without "
     "a dot, *.localhost and the names of the certificate; *.NAME matches all names below NAME, * "
     "every name [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.http_hosts = TRY(http::parse_http_hosts(text));
       return {};
     }},
    {"http-origins",
     "ORIGIN,... (https://HOST:PORT) whose web pages may use the HTTP listeners; *: all pages "
     "[none]",
     set_http_origins},
    // ksqlDB's name; a file may also use access.control.allow.origin.
    {"access-control-allow-origin", "ksqlDB's name for http-origins", set_http_origins},
    {"console",
     "console in the browser, at /console/ of --http: on, read-only (the console changes nothing), "
     "off [on]",
     set_console},
    {"console-dir",
     "folder with the files of the console, for its developers; --http must be a loopback address "
     "[the files in the program]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.console_dir = text;
       return {};
     }},
    {"history",
     "on: figures of the last day (millrace_catalog.samples) and the problems that they show "
     "(millrace_catalog.findings) are kept in memory, at most 18 MB [on]",
     [](NodeSettings& s, const std::string& text) { return set_on_or_off(s.keeps_history, text); }},
    {"registry",
     "HOST:PORT of a separate listener for the schema registry, which is also available at --http; "
     "port 0 picks a free one, off: none [off]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text == "off")
         s.registry.reset();
       else
         s.registry = TRY(parse_address(text));
       return {};
     }},
    {"schema-registry-url",
     "URL,... of an external schema registry (http://HOST:PORT, https too) that keeps the schemas "
     "of AVRO, PROTOBUF and JSON_SR instead of the internal one [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       TRY(parse_registry_urls(text));
       s.outside_registry.urls = text;
       return {};
     }},
    {"schema-registry-credentials-file",
     "file whose first line is the name:password for this registry; none: those in its URL [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.outside_registry.credentials_file = text;
       return {};
     }},
    {"connect",
     "HOST:PORT of a separate listener for Kafka Connect's REST API, usually port 8083; the API is "
     "also available at --http; port 0 picks a free one, off: none [off]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text == "off")
         s.connect.reset();
       else
         s.connect = TRY(parse_address(text));
       return {};
     }},
    {"connect-url",
     "URL,... of the workers of a Kafka Connect cluster (http://HOST:PORT, https too) that runs "
     "the connectors whose class is not built in [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       TRY(parse_connect_urls(text));
       s.outside_connect.urls = text;
       return {};
     }},
    {"connect-credentials-file",
     "file whose first line is the name:password for these workers; none: those in their URLs "
     "[none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.outside_connect.credentials_file = text;
       return {};
     }},
    {"kafka-advertised",
     "HOST:PORT,... to which Kafka clients connect, one for each address of --kafka [the address "
     "of their connection]",
     [](NodeSettings& s, const std::string& text) {
       return set_addresses(s.kafka_advertised, text);
     }},
    {"auto-create-topics",
     "true: if a Kafka client requests a topic that does not exist, the server creates it [true]",
     [](NodeSettings& s, const std::string& text) { return set_bool(s.auto_create_topics, text); }},
};

}  // namespace

std::span<const SettingRow> listener_settings() { return kListenerSettings; }

}  // namespace server
