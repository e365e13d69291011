// The properties of the sinks that send records by HTTP: the short class, and those of Confluent
// (https://docs.confluent.io/kafka-connectors/http/current/connector_config.html) and of Aiven
// (https://github.com/Aiven-Open/http-connector-for-apache-kafka/blob/main/docs/sink-connector-config-options.rst).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/connect/http/http_template.h"
#include "engine/connect/properties.h"
#include "engine/connect/transforms/record_forms.h"

namespace engine {

// The request for a record without a value, which deletes its key in a compacted topic.
enum class NullValues : uint8_t { Ignore, Fail, Delete };

// The statuses from `first` to `last`.
struct StatusRange {
  int first = 0, last = 0;
  bool operator==(const StatusRange&) const = default;
};

// The checked properties of a sink.
struct HttpSink {
  std::vector<std::string> topics;
  HttpTemplate url;
  std::string method;                                        // POST, PUT or PATCH
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Type included
  std::string user_and_password;                             // of Basic authentication; empty: none
  // Values of credentials. An answer that repeats one is shown without it.
  std::vector<std::string> secrets;
  size_t batch_records = 1;
  bool is_array = false;  // also a single record has the prefix and the suffix
  std::string batch_prefix, batch_suffix, batch_separator;
  std::optional<HttpTemplate> body;  // of a record; nothing: its value
  bool quotes_texts = false;         // a text becomes a JSON string
  RecordForms forms;
  NullValues null_values = NullValues::Ignore;
  std::vector<StatusRange> retried;
  std::optional<int64_t> max_retries;  // nothing: without end
  int64_t backoff_ms = 0;  // before the first retry; each further pause is twice as long
  int64_t connect_timeout_ms = 0, request_timeout_ms = 0;

  bool is_retried(int status) const;
};

std::vector<PropertyRow> http_sink_rows(const ConnectorClass& of);

// Returns the sink that a configuration describes, or each property that is wrong or not supported. References to
// secrets were replaced by their values before.
struct HttpSinkResult {
  HttpSink sink;
  std::vector<WrongProperty> wrong;
};
HttpSinkResult read_http_sink(const ConnectorClass& of, const PropertyValues& values);

// Parses "408,429,500-599,600-". Returns nothing for another text.
std::optional<std::vector<StatusRange>> parse_status_ranges(std::string_view text);

}  // namespace engine
