#include "engine/connect/http/http_sink_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/connect/secrets.h"
#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

constexpr auto kFlagOfHttp = PropertyType::Boolean;
constexpr std::string_view kJsonConverterClass = "org.apache.kafka.connect.json.JsonConverter";
constexpr std::string_view kHttpConverters =
    "org.apache.kafka.connect.json.JsonConverter org.apache.kafka.connect.storage.StringConverter";
constexpr int64_t kLongestTimeoutMs = 600'000;

constexpr PropertyRow kHttpCommonRows[] = {
    {.name = "batch.prefix", .doc = "text before the records of a request"},
    {.name = "batch.suffix", .doc = "text behind the records of a request"},
    {.name = "batch.separator", .doc = "text between the records of a request"},
    {.name = "key.converter", .doc = "class that converts keys", .words = kHttpConverters},
    {.name = "key.converter.schemas.enable", .type = kFlagOfHttp, .doc = "JSON keys have a schema"},
    {.name = "value.converter", .doc = "class that converts values", .words = kHttpConverters},
    {.name = "value.converter.schemas.enable",
     .type = kFlagOfHttp,
     .doc = "JSON values have a schema, and their payload is sent"},
    {.name = "errors.retry.timeout", .doc = "has no effect: max.retries limits the retries"},
    {.name = "errors.retry.delay.max.ms", .doc = "has no effect: the delay grows to 30 s"},
};
constexpr PropertyRow kShortRows[] = {
    {.name = "body.template",
     .doc = "body of a record, with ${key}, ${topic} and ${value.NAME}; empty: the value"},
    {.name = "retry.on.status.codes",
     .default_value = "408,429,500-",
     .doc = "statuses after which a request is repeated"},
};
constexpr PropertyRow kConfluentRows[] = {
    {.name = "body.template",
     .doc = "body of a record, with ${key}, ${topic} and ${value.NAME}; empty: the value"},
    {.name = "retry.on.status.codes",
     .default_value = "400-",
     .doc = "statuses after which a request is repeated"},
    {.name = "reporter.bootstrap.servers",
     .doc = "has no effect: errors.deadletterqueue.topic.name"},
    {.name = "reporter.result.topic.name", .doc = "has no effect: results are not written"},
    {.name = "reporter.result.topic.replication.factor", .doc = "has no effect"},
    {.name = "reporter.error.topic.name",
     .doc = "has no effect: errors.deadletterqueue.topic.name"},
    {.name = "reporter.error.topic.replication.factor", .doc = "has no effect"},
};
// Names that the short class and Confluent's have in common.
constexpr PropertyRow kSharedRows[] = {
    {.name = "http.api.url",
     .doc = "address of the requests, with ${topic} and ${key}",
     .is_required = true},
    {.name = "request.method",
     .default_value = "POST",
     .doc = "method of the requests",
     .words = "POST PUT PATCH"},
    {.name = "headers", .doc = "headers of the requests: Name:value|Name:value"},
    {.name = "header.separator", .default_value = "|", .doc = "text between two headers"},
    {.name = "auth.type",
     .default_value = "none",
     .doc = "authentication: basic with connection.user and connection.password, bearer with "
            "bearer.token",
     .words = "none basic bearer"},
    {.name = "connection.user", .doc = "name for auth.type = basic"},
    {.name = "connection.password",
     .type = PropertyType::Password,
     .doc = "password for auth.type = basic"},
    {.name = "bearer.token", .type = PropertyType::Password, .doc = "token for auth.type = bearer"},
    {.name = "batch.json.as.array",
     .type = kFlagOfHttp,
     .default_value = "false",
     .doc = "the body is a JSON array of the records, also of a single one"},
    {.name = "request.body.format",
     .default_value = "string",
     .doc = "json: a text becomes a JSON string; string: it is sent as it is",
     .words = "string json"},
    {.name = "behavior.on.null.values",
     .default_value = "ignore",
     .doc = "a record without a value: ignore, fail, or delete: DELETE with its key in the address",
     .words = "ignore log fail delete"},
    {.name = "http.connect.timeout.ms",
     .type = PropertyType::Long,
     .default_value = "30000",
     .doc = "time limit of a connection attempt",
     .least = 1,
     .most = kLongestTimeoutMs},
    {.name = "http.request.timeout.ms",
     .type = PropertyType::Long,
     .default_value = "30000",
     .doc = "time limit of a request",
     .least = 1,
     .most = kLongestTimeoutMs},
};
constexpr PropertyRow kAivenRows[] = {
    {.name = "http.url", .doc = "address of the requests", .is_required = true},
    {.name = "http.authorization.type",
     .doc = "none, or static with http.headers.authorization",
     .is_required = true,
     .words = "none static"},
    {.name = "http.headers.authorization",
     .type = PropertyType::Password,
     .doc = "value of the header Authorization"},
    {.name = "http.headers.content.type", .doc = "value of the header Content-Type"},
    {.name = "http.headers.additional",
     .type = PropertyType::List,
     .doc = "further headers: Name:value,Name:value"},
    {.name = "batching.enabled",
     .type = kFlagOfHttp,
     .default_value = "false",
     .doc = "a request has several records"},
    {.name = "http.timeout",
     .type = PropertyType::Long,
     .default_value = "30",
     .doc = "time limit of a request in seconds",
     .least = 1,
     .most = 600},
    {.name = "kafka.retry.backoff.ms", .doc = "has no effect"},
};

struct UnsupportedOfHttp {
  std::string_view name, harmless = {}, instead = {};
};
constexpr UnsupportedOfHttp kUnsupportedOfHttp[] = {
    {"behavior.on.error", "fail", "errors.tolerance = all skips bad records"},
    {"regex.patterns", "", "CREATE STREAM ... AS SELECT changes the values"},
    {"regex.replacements", ""},
    {"http.proxy.host", ""},
    {"oauth2.token.url", "", "auth.type = bearer sends a token"},
    {"oauth2.access.token.url", "", "http.authorization.type = static sends a token"},
    {"batch.key.pattern", ""},
    {"header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter"},
    {"batch.buffering.enabled", "false"},
};

bool is_aiven(const ConnectorClass& of) { return of.name.starts_with("io.aiven."); }

DataForm form_of(const PropertyValues& values, const std::string& side, bool is_short) {
  const std::string converter = values.text(side + ".converter");
  // Without a converter, the short class sends text, and a Java class uses JsonConverter, the
  // default of a Kafka Connect worker.
  if (converter.empty() && is_short) return DataForm::Text;
  if (!converter.empty() && converter != kJsonConverterClass) return DataForm::Text;
  const auto has_schemas = values.find(side + ".converter.schemas.enable");
  return has_schemas.value_or(is_short ? "false" : "true") == "true" ? DataForm::JsonWithSchema
                                                                     : DataForm::Json;
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view kSpecial = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSpecial.find(c) != kSpecial.npos;
  });
}

bool is_header_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

class SinkReader {
 public:
  SinkReader(const ConnectorClass& of, const PropertyValues& values, HttpSinkResult& read)
      : of_(of), values_(values), sink_(read.sink), wrong_(read.wrong) {}

  void read() {
    refuse_unsupported();
    sink_.topics = values_.list("topics");
    if (sink_.topics.empty()) wrong_.push_back({"topics", "property \"topics\" names no topic"});
    sink_.forms = {form_of(values_, "key", of_.is_short()),
                   form_of(values_, "value", of_.is_short())};
    sink_.backoff_ms = values_.number("retry.backoff.ms");
    if (values_.find("max.retries")) sink_.max_retries = values_.number("max.retries");
    sink_.batch_records = static_cast<size_t>(values_.number("batch.max.size"));
    if (is_aiven(of_))
      read_aiven();
    else
      read_shared();
    if (!has_content_type()) {
      const bool is_json = sink_.forms.value != DataForm::Text || of_.is_short();
      sink_.headers.emplace_back("Content-Type", is_json ? "application/json" : "text/plain");
    }
    check_together();
  }

 private:
  void refuse_unsupported() {
    for (const auto& [name, harmless, instead] : kUnsupportedOfHttp) {
      const auto set = values_.config().find(std::string(name));
      if (set == values_.config().end() || set->second.empty() || set->second == harmless) continue;
      std::string message = fmt::format("property \"{}\" is not supported", name);
      if (!instead.empty())
        message += fmt::format(": {}", instead);
      else if (!harmless.empty())
        message += fmt::format(" with another value than \"{}\"", harmless);
      wrong_.push_back({std::string(name), std::move(message)});
    }
  }

  void read_url(const std::string& property) {
    const std::string text = values_.text(property);
    auto url = HttpTemplate::parse(text);
    if (!url) {
      wrong_.push_back({property, fmt::format("property \"{}\": {}", property, url.error().message),
                        url.error().hint});
      return;
    }
    sink_.url = *std::move(url);
    const std::string beginning = lower_case(sink_.url.beginning());
    const size_t host = beginning.starts_with("https://") ? 8 : 7;
    const bool is_http = beginning.starts_with("http://") || beginning.starts_with("https://");
    // A record must not choose the host to which the headers, and so the secrets, are sent.
    const size_t end = beginning.find_first_of("/?", std::min(host, beginning.size()));
    const bool has_fixed_host = end != beginning.npos || text.find("${") == text.npos;
    if (!is_http || beginning.size() <= host || !has_fixed_host)
      wrong_.push_back(
          {property, fmt::format("property \"{}\" begins with http://HOST or "
                                 "https://HOST, and fields only follow behind the host",
                                 property)});
    if (beginning.substr(0, end).find('@') != beginning.npos)
      wrong_.push_back({property, fmt::format("property \"{}\" must not contain a user", property),
                        "auth.type = basic has the properties connection.user and "
                        "connection.password."});
  }

  void add_secret(std::string_view secret) {
    constexpr size_t kLeastBytes = 4;  // a shorter text occurs in answers by chance
    if (secret.size() >= kLeastBytes) sink_.secrets.emplace_back(secret);
  }

  // The server sets these headers. Another value would make the service misread the request.
  static bool is_of_transfer(std::string_view name) {
    return equals_ignoring_case(name, "content-length") || equals_ignoring_case(name, "host") ||
           equals_ignoring_case(name, "transfer-encoding") ||
           equals_ignoring_case(name, "connection");
  }

  void add_header(const std::string& property, std::string_view text) {
    const size_t colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    std::string_view value = colon == text.npos ? std::string_view() : text.substr(colon + 1);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    // The message does not contain the text, which may be a secret.
    if (colon == text.npos || !is_header_name(name) || !is_header_value(value))
      wrong_.push_back(
          {property, fmt::format("property \"{}\" is a list of headers Name:value", property)});
    else if (is_of_transfer(name))
      wrong_.push_back(
          {property, fmt::format("property \"{}\" must not set the header {}", property, name)});
    else
      sink_.headers.emplace_back(name, value);
    if (!is_secret_header(name)) return;
    add_secret(value);
    if (const size_t scheme = value.rfind(' '); scheme != value.npos)
      add_secret(value.substr(scheme + 1));
  }

  bool has_content_type() const {
    return std::ranges::any_of(sink_.headers, [](const auto& header) {
      return equals_ignoring_case(header.first, "content-type");
    });
  }

  void read_shared() {
    read_url("http.api.url");
    sink_.method = values_.text("request.method");
    std::string headers = values_.text("headers");
    const std::string separator = values_.text("header.separator");
    while (!headers.empty()) {
      const size_t end = separator.empty() ? headers.npos : headers.find(separator);
      add_header("headers", std::string_view(headers).substr(0, end));
      headers.erase(0, end == headers.npos ? headers.npos : end + separator.size());
    }
    read_authentication();
    const bool is_array = values_.flag("batch.json.as.array");
    sink_.is_array = is_array;
    const bool is_json = is_array || of_.is_short();
    sink_.batch_prefix = values_.find("batch.prefix").value_or(is_json ? "[" : "");
    sink_.batch_suffix = values_.find("batch.suffix").value_or(is_json ? "]" : "");
    sink_.batch_separator = values_.find("batch.separator").value_or(",");
    sink_.quotes_texts = values_.text("request.body.format") == "json";
    if (const std::string body = values_.text("body.template"); !body.empty()) {
      if (auto parsed = HttpTemplate::parse(body))
        sink_.body = *std::move(parsed);
      else
        wrong_.push_back({"body.template",
                          fmt::format("property \"body.template\": {}", parsed.error().message),
                          parsed.error().hint});
    }
    const std::string nulls = values_.text("behavior.on.null.values");
    sink_.null_values = nulls == "fail"     ? NullValues::Fail
                        : nulls == "delete" ? NullValues::Delete
                                            : NullValues::Ignore;
    sink_.connect_timeout_ms = values_.number("http.connect.timeout.ms");
    sink_.request_timeout_ms = values_.number("http.request.timeout.ms");
    if (auto ranges = parse_status_ranges(values_.text("retry.on.status.codes")))
      sink_.retried = *std::move(ranges);
    else
      wrong_.push_back({"retry.on.status.codes",
                        "property \"retry.on.status.codes\" is a list such as 408,429,500-599"});
  }

  void read_authentication() {
    const std::string type = values_.text("auth.type");
    const std::string user = values_.text("connection.user");
    const std::string token = values_.text("bearer.token");
    if (type == "basic") {
      if (user.empty() || user.find(':') != user.npos)
        wrong_.push_back({"connection.user",
                          "property \"connection.user\" is required with "
                          "\"auth.type\" = basic, and has no colon"});
      const std::string password = values_.text("connection.password");
      sink_.user_and_password = user + ":" + password;
      add_secret(password);
      std::string encoded;
      append_base64(encoded, sink_.user_and_password);
      add_secret(encoded);
    }
    if (type == "bearer") {
      if (token.empty() || !is_header_value(token))
        wrong_.push_back({"bearer.token",
                          "property \"bearer.token\" is required with "
                          "\"auth.type\" = bearer, and is one line"});
      sink_.headers.emplace_back("Authorization", "Bearer " + token);
      add_secret(token);
    }
  }

  void read_aiven() {
    read_url("http.url");
    sink_.method = "POST";
    for (const std::string& header : values_.list("http.headers.additional"))
      add_header("http.headers.additional", header);
    const std::string authorization = values_.text("http.headers.authorization");
    if (values_.text("http.authorization.type") == "static") {
      if (authorization.empty())
        wrong_.push_back({"http.headers.authorization",
                          "property \"http.headers.authorization\" is required with "
                          "\"http.authorization.type\" = static"});
      else
        add_header("http.headers.authorization", "Authorization:" + authorization);
    }
    if (const std::string type = values_.text("http.headers.content.type"); !type.empty())
      add_header("http.headers.content.type", "Content-Type:" + type);
    if (!values_.flag("batching.enabled")) sink_.batch_records = 1;
    sink_.batch_prefix = values_.text("batch.prefix");
    sink_.batch_suffix = values_.text("batch.suffix");
    sink_.batch_separator = values_.find("batch.separator").value_or("\n");
    constexpr int64_t kMsOfSecond = 1'000;
    sink_.connect_timeout_ms = sink_.request_timeout_ms =
        values_.number("http.timeout") * kMsOfSecond;
    sink_.retried = {{400, 999}};
  }

  void check_together() {
    if (sink_.batch_records > 1 && sink_.url.is_of_record())
      wrong_.push_back({"batch.max.size",
                        "property \"batch.max.size\" is 1 if the address has fields "
                        "of a record, since a request has one address"});
    if (sink_.null_values == NullValues::Delete &&
        (!sink_.url.uses_key() || sink_.url.uses_value()))
      wrong_.push_back(
          {"behavior.on.null.values",
           "property \"behavior.on.null.values\" = delete needs ${key} in the address, "
           "and no field of the value"});
  }

  const ConnectorClass& of_;
  const PropertyValues& values_;
  HttpSink& sink_;
  std::vector<WrongProperty>& wrong_;
};

}  // namespace

bool HttpSink::is_retried(int status) const {
  return std::ranges::any_of(retried, [status](const StatusRange& range) {
    return status >= range.first && status <= range.last;
  });
}

std::optional<std::vector<StatusRange>> parse_status_ranges(std::string_view text) {
  constexpr int kLastStatus = 999;
  std::vector<StatusRange> ranges;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    StatusRange range;
    const char* const end = part.data() + part.size();
    const auto first = std::from_chars(part.data(), end, range.first);
    if (first.ec != std::errc()) return std::nullopt;
    range.last = range.first;
    if (first.ptr != end) {
      if (*first.ptr != '-') return std::nullopt;
      range.last = kLastStatus;
      if (first.ptr + 1 != end) {
        const auto last = std::from_chars(first.ptr + 1, end, range.last);
        if (last.ec != std::errc() || last.ptr != end) return std::nullopt;
      }
    }
    if (range.first < 100 || range.last < range.first || range.last > kLastStatus)
      return std::nullopt;
    ranges.push_back(range);
  }
  return ranges;
}

std::vector<PropertyRow> http_sink_rows(const ConnectorClass& of) {
  std::vector<PropertyRow> rows = common_properties(ConnectorType::Sink);
  const auto append = [&](std::span<const PropertyRow> more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  append(kHttpCommonRows);
  if (is_aiven(of)) {
    append(kAivenRows);
  } else {
    append(kSharedRows);
    append(of.is_short() ? std::span<const PropertyRow>(kShortRows)
                         : std::span<const PropertyRow>(kConfluentRows));
  }
  constexpr int64_t kMostRecords = 10'000;
  rows.push_back({.name = "batch.max.size",
                  .type = PropertyType::Int,
                  .default_value = is_aiven(of) ? "500" : "1",
                  .doc = "most records of one request",
                  .least = 1,
                  .most = kMostRecords});
  PropertyRow retries = {.name = "max.retries",
                         .type = PropertyType::Int,
                         .doc = "most retries of a request; then its records are bad records"};
  if (is_aiven(of)) retries.default_value = "1";
  if (!is_aiven(of) && !of.is_short()) retries.default_value = "10";
  rows.push_back(retries);
  rows.push_back({.name = "retry.backoff.ms",
                  .type = PropertyType::Long,
                  .default_value = of.is_short() ? "100" : "3000",
                  .doc = "pause before the first retry; each further pause is twice as long, up to "
                         "30 s",
                  .least = 1,
                  .most = kLongestTimeoutMs});
  return rows;
}

HttpSinkResult read_http_sink(const ConnectorClass& of, const PropertyValues& values) {
  HttpSinkResult read;
  SinkReader(of, values, read).read();
  return read;
}

}  // namespace engine
