#include "server/kafka_client/client_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace server::kafka_client {

namespace {

constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"metadata.broker.list", "bootstrap.servers"},
    {"sasl.mechanisms", "sasl.mechanism"},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
    {"ssl.keystore.key", "ssl.key.pem"},
    {"fetch.wait.max.ms", "fetch.max.wait.ms"},
    {"fetch.message.max.bytes", "max.partition.fetch.bytes"},
    {"socket.timeout.ms", "request.timeout.ms"},
};

constexpr std::string_view kSettings[] = {
    "bootstrap.servers",
    "client.dns.lookup",
    "client.id",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "max.partition.fetch.bytes",
    "metadata.max.age.ms",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "sasl.jaas.config",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "socket.connection.setup.timeout.ms",
    "ssl.ca.pem",
    "ssl.certificate.pem",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.type",
    "ssl.truststore.type",
};

// Settings that users of Kafka know and that a link does not take, with the reason.
constexpr std::pair<std::string_view, std::string_view> kRefused[] = {
    {"isolation.level", "a link reads committed records only, as all readers of Millrace do"},
    {"acks", "links do not write yet"},
    {"enable.idempotence", "links do not write yet"},
    {"transactional.id", "links do not write yet"},
    {"group.id", "a link is no member of a group of the other cluster"},
    {"client.rack", "links read from the leaders of partitions"},
    {"sasl.kerberos.service.name", "Kerberos (GSSAPI) is not supported"},
    {"ssl.truststore.location",
     "Java's key stores are not supported; use ssl.ca.location with a "
     "PEM file"},
    {"ssl.keystore.location",
     "Java's key stores are not supported; use ssl.certificate.location "
     "and ssl.key.location with PEM files"},
};

Error wrong(std::string_view name, std::string_view problem, std::string hint = {}) {
  return {ErrorCode::InvalidParameter, fmt::format("{}: {}", name, problem), {}, std::move(hint)};
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// Takes the values of the properties one by one. The names that are left at the end are unknown.
class Reader {
 public:
  explicit Reader(const Properties& properties) {
    for (const auto& [name, value] : properties) left_[canonical_name(name)] = value;
  }

  std::optional<std::string> text(const std::string& name) {
    const auto found = left_.find(name);
    if (found == left_.end()) return std::nullopt;
    std::string value = std::move(found->second);
    left_.erase(found);
    return value;
  }
  template <class Number>
  Status number(const std::string& name, Number least, Number most, Number& to) {
    const auto value = text(name);
    if (!value) return {};
    Number number{};
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc() || end != value->data() + value->size() || number < least ||
        number > most)
      return wrong(name,
                   fmt::format("\"{}\" is not a whole number from {} to {}", *value, least, most));
    to = number;
    return {};
  }
  Status check_nothing_left() const {
    if (left_.empty()) return {};
    const std::string& name = left_.begin()->first;
    for (const auto& [refused, reason] : kRefused)
      if (refused == name)
        return Error{ErrorCode::NotSupported, fmt::format("{}: {}", name, reason)};
    return wrong(name, "links have no such setting", "docs/links.md lists the settings of links.");
  }

 private:
  Properties left_;
};

Status read_bootstrap(Reader& in, ClientSettings& settings) {
  const auto list = in.text("bootstrap.servers");
  if (!list || list->empty())
    return wrong("bootstrap.servers", "the address of a broker is missing",
                 "An example: 'bootstrap.servers' = 'kafka1:9092,kafka2:9092'.");
  for (size_t begin = 0; begin <= list->size();) {
    const size_t end = std::min(list->find(',', begin), list->size());
    std::string one = list->substr(begin, end - begin);
    std::erase_if(one, [](unsigned char c) { return std::isspace(c) != 0; });
    begin = end + 1;
    if (one.empty()) continue;
    const auto address = parse_address(one);
    if (!address || address->host.empty() || address->port == 0)
      return wrong("bootstrap.servers", fmt::format("\"{}\" is not HOST:PORT", one));
    settings.bootstrap.push_back(*address);
  }
  if (settings.bootstrap.empty()) return wrong("bootstrap.servers", "there is no address in it");
  return {};
}

// Reads the option of a login module: username="svc" or password="...". A backslash protects a quote.
std::optional<std::string> jaas_option(std::string_view config, std::string_view option) {
  const std::string begin = fmt::format("{}=\"", option);
  const size_t at = config.find(begin);
  if (at == std::string_view::npos) return std::nullopt;
  std::string value;
  for (size_t i = at + begin.size(); i < config.size(); ++i) {
    if (config[i] == '"') return value;
    if (config[i] == '\\' && i + 1 < config.size()) ++i;
    value += config[i];
  }
  return std::nullopt;
}

Status read_user(Reader& in, ClientSettings& settings) {
  if (auto user = in.text("sasl.username")) settings.user = *std::move(user);
  if (auto password = in.text("sasl.password")) settings.password = *std::move(password);
  if (const auto jaas = in.text("sasl.jaas.config")) {
    auto user = jaas_option(*jaas, "username"), password = jaas_option(*jaas, "password");
    if (!user || !password)
      return wrong("sasl.jaas.config", "it has no username=\"...\" and password=\"...\"",
                   "Or set sasl.username and sasl.password.");
    settings.user = *std::move(user);
    settings.password = *std::move(password);
  }
  return {};
}

Status read_sasl(Reader& in, bool is_used, ClientSettings& settings) {
  const std::string mechanism = upper(in.text("sasl.mechanism").value_or(""));
  TRY(read_user(in, settings));
  if (!is_used) {
    if (!mechanism.empty())
      return wrong("sasl.mechanism", "security.protocol is not SASL_PLAINTEXT or SASL_SSL",
                   "Set security.protocol as well.");
    return {};
  }
  for (const SaslMechanism each :
       {SaslMechanism::Plain, SaslMechanism::ScramSha256, SaslMechanism::ScramSha512})
    if (mechanism == mechanism_name(each)) settings.mechanism = each;
  if (settings.mechanism == SaslMechanism::None)
    return wrong("sasl.mechanism",
                 mechanism.empty() ? std::string("it is missing")
                                   : fmt::format("{} is not supported", mechanism),
                 "Links support PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.");
  if (settings.user.empty()) return wrong("sasl.username", "it is missing");
  if (settings.password.empty()) return wrong("sasl.password", "it is missing");
  return {};
}

Status read_tls(Reader& in, bool is_used, ClientSettings& settings) {
  ClientTlsPems pems;
  if (auto pem = in.text("ssl.ca.pem")) pems.authorities = *std::move(pem);
  if (auto pem = in.text("ssl.certificate.pem")) pems.certificate = *std::move(pem);
  if (auto pem = in.text("ssl.key.pem")) pems.key = *std::move(pem);
  if (auto password = in.text("ssl.key.password")) pems.key_password = *std::move(password);
  for (const char* type : {"ssl.truststore.type", "ssl.keystore.type"})
    if (const auto value = in.text(type); value && upper(*value) != "PEM")
      return wrong(type, fmt::format("\"{}\" is not supported; only PEM is", *value));
  if (const auto check = in.text("ssl.endpoint.identification.algorithm")) {
    if (!check->empty() && *check != "https" && *check != "none")
      return wrong("ssl.endpoint.identification.algorithm",
                   fmt::format("\"{}\" is not https or empty", *check));
    settings.host_check = *check == "https" ? HostCheck::SameHost : HostCheck::AnyHost;
  }
  if (!is_used) {
    if (!pems.authorities.empty() || !pems.certificate.empty())
      return wrong("security.protocol", "certificates are set, but the protocol has no TLS",
                   "Use SSL or SASL_SSL.");
    return {};
  }
  settings.tls = TRY(ClientCertificates::make(pems));
  return {};
}

}  // namespace

std::string_view mechanism_name(SaslMechanism mechanism) {
  constexpr std::string_view kNames[] = {"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
  return kNames[static_cast<size_t>(mechanism)];
}

std::string canonical_name(const std::string& name) {
  for (const auto& [other, canonical] : kOtherNames)
    if (name == other) return std::string(canonical);
  return name;
}

bool is_client_setting(const std::string& name) {
  return std::ranges::find(kSettings, std::string_view(canonical_name(name))) !=
         std::end(kSettings);
}

Result<ClientSettings> parse_client_settings(const Properties& properties) {
  constexpr int64_t kMostMs = 3'600'000;
  constexpr int32_t kMostFetchBytes = 64 << 20;
  Reader in(properties);
  ClientSettings settings;
  TRY(read_bootstrap(in, settings));
  if (auto id = in.text("client.id")) settings.client_id = *std::move(id);
  TRY(in.number<int64_t>("request.timeout.ms", 1, kMostMs, settings.request_timeout_ms));
  TRY(in.number<int64_t>("socket.connection.setup.timeout.ms", 1, kMostMs,
                         settings.setup_timeout_ms));
  TRY(in.number<int64_t>("reconnect.backoff.ms", 0, kMostMs, settings.backoff_ms));
  TRY(in.number<int64_t>("reconnect.backoff.max.ms", 0, kMostMs, settings.backoff_max_ms));
  TRY(in.number<int64_t>("metadata.max.age.ms", 1'000, kMostMs, settings.metadata_max_age_ms));
  TRY(in.number<int32_t>("fetch.min.bytes", 0, kMostFetchBytes, settings.fetch_min_bytes));
  TRY(in.number<int32_t>("fetch.max.bytes", 1, kMostFetchBytes, settings.fetch_max_bytes));
  TRY(in.number<int32_t>("max.partition.fetch.bytes", 1, kMostFetchBytes,
                         settings.partition_max_bytes));
  TRY(in.number<int32_t>("fetch.max.wait.ms", 0, 30'000, settings.fetch_max_wait_ms));
  if (const auto lookup = in.text("client.dns.lookup"); lookup && *lookup != "use_all_dns_ips")
    return wrong("client.dns.lookup", fmt::format("\"{}\" is not use_all_dns_ips", *lookup));
  const std::string protocol = upper(in.text("security.protocol").value_or("PLAINTEXT"));
  if (protocol != "PLAINTEXT" && protocol != "SSL" && protocol != "SASL_PLAINTEXT" &&
      protocol != "SASL_SSL")
    return wrong("security.protocol",
                 fmt::format("\"{}\" is not PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", protocol));
  TRY(read_sasl(in, protocol.starts_with("SASL"), settings));
  TRY(read_tls(in, protocol.ends_with("SSL"), settings));
  TRY(in.check_nothing_left());
  return settings;
}

}  // namespace server::kafka_client
