// The properties of the sinks that write objects into buckets of S3 and compatible services: the short class, and that of
// Confluent (https://docs.confluent.io/kafka-connectors/s3-sink/current/configuration_options.html).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/file_properties.h"
#include "engine/connect/properties.h"
#include "engine/connect/s3/time_path.h"
#include "engine/connect/transforms/record_forms.h"

namespace engine {

// A bucket, and the credentials with which the server writes into it.
struct S3Bucket {
  std::string endpoint;  // URL of the service, without a slash at the end
  std::string name, region;
  // true: ENDPOINT/BUCKET/KEY; false: the bucket is the first part of the host
  bool is_path_style = true;
  std::string access_key_id, secret_access_key;
  std::string session_token;   // of temporary credentials; empty: none
  std::string encryption;      // value of x-amz-server-side-encryption; empty: none
  std::string encryption_key;  // key of KMS; empty: none
  int64_t retries = 0;         // of one request, before the task is restarted
  int64_t backoff_ms = 0;      // before the first retry; each further pause is twice as long
};

enum class S3Format : uint8_t { Json, Csv, Line, Bytes };

// The checked properties of a sink.
struct S3Sink {
  std::vector<std::string> topics;
  S3Bucket bucket;
  std::string topics_dir;  // beginning of all names, without a slash at the end; may be empty
  std::string delimiter = "+";
  int offset_digits = 0;
  // The path of the times of records; nothing: "partition=N".
  std::optional<TimePath> times;
  // true: the path of an object contains the time at which the object is named; false: the path contains the
  // timestamp of its first record
  bool uses_wall_clock = false;
  S3Format format = S3Format::Json;
  CsvSettings csv;
  bool has_header = false;
  std::vector<std::string> columns;  // of CSV
  std::string extension;             // of the names, with a dot, and with that of the compression
  std::string separator;             // after each record
  // The converter of Confluent's class; nothing for the short class, which writes the JSON of the values as it is.
  std::optional<DataForm> converter;
  bool ignores_nulls = false;
  SinkLimits limits;
};

std::vector<PropertyRow> s3_sink_rows(const ConnectorClass& of);

// Returns the sink that a configuration describes, or each property that is wrong or not supported. References to
// secrets were replaced by their values before.
struct S3SinkResult {
  S3Sink sink;
  std::vector<WrongProperty> wrong;
};
S3SinkResult read_s3_sink(const ConnectorClass& of, const PropertyValues& values);
RecordForms s3_forms(const ConnectorClass& of, const PropertyValues& values);

// Returns the name of an object: "topics/orders/partition=3/orders+3+0000001742.json.gz".
// `time_ms` is the time that determines the path, in milliseconds since 1970-01-01 UTC.
std::string s3_object_name(const S3Sink& sink, std::string_view topic, PartitionId partition,
                           Offset first, int64_t time_ms);

// Returns the text of a value as the object has it, without the separator; nothing for a value that stands for no value,
// which is the JSON null of Confluent's class. Fails with InvalidText if the value does not have the form of the sink.
Result<std::optional<std::string>> s3_record_text(const S3Sink& sink, const std::string& value);

}  // namespace engine
