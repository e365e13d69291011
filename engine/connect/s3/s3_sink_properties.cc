#include "engine/connect/s3/s3_sink_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "engine/connect/sink_lines.h"

namespace engine {

namespace {

constexpr auto kText = PropertyType::String;
constexpr auto kFlagOfS3 = PropertyType::Boolean;
constexpr auto kLongOfS3 = PropertyType::Long;
constexpr std::string_view kS3Converters =
    "org.apache.kafka.connect.json.JsonConverter "
    "org.apache.kafka.connect.storage.StringConverter "
    "org.apache.kafka.connect.converters.ByteArrayConverter";
constexpr std::string_view kS3JsonFormat = "io.confluent.connect.s3.format.json.JsonFormat";
constexpr std::string_view kS3BytesFormat =
    "io.confluent.connect.s3.format.bytearray.ByteArrayFormat";
constexpr std::string_view kHourlyPath = "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH";
constexpr std::string_view kDailyPath = "'year'=YYYY/'month'=MM/'day'=dd";
constexpr int64_t kHourOfPathMs = 3'600'000, kDayOfPathMs = 24 * kHourOfPathMs;
// An object is in memory until it is stored, so its size is bounded.
constexpr int64_t kMostObjectBytes = 64 << 20;
// Stands for an object without a limit of age. The task multiplies it by 1,000.
constexpr int64_t kNoAgeMs = INT64_MAX / 1'000'000;

constexpr PropertyRow kCommonS3Rows[] = {
    {.name = "s3.bucket.name",
     .doc = "bucket into which the objects are written",
     .is_required = true},
    {.name = "store.url",
     .doc = "address of the service, such as http://minio:9000; empty: Amazon S3"},
    {.name = "s3.path.style.access.enabled",
     .type = kFlagOfS3,
     .default_value = "true",
     .doc = "true: ADDRESS/BUCKET/KEY; false: the bucket is the first part of the host"},
    {.name = "aws.access.key.id", .doc = "access key", .is_required = true},
    {.name = "aws.secret.access.key",
     .type = PropertyType::Password,
     .doc = "secret of the access key",
     .is_required = true},
    {.name = "aws.session.token",
     .type = PropertyType::Password,
     .doc = "token of temporary credentials"},
    {.name = "s3.ssea.name",
     .doc = "encryption of the objects by the service",
     .words = "AES256 aws:kms"},
    {.name = "s3.sse.kms.key.id", .doc = "key for s3.ssea.name = aws:kms"},
    {.name = "s3.part.retries",
     .type = kLongOfS3,
     .default_value = "3",
     .doc = "most retries of a request; then the task is restarted",
     .most = 100},
    {.name = "s3.retry.backoff.ms",
     .type = kLongOfS3,
     .default_value = "200",
     .doc = "pause before the first retry; each further pause is twice as long, up to 30 s",
     .least = 1,
     .most = 600'000},
    {.name = "topics.dir", .default_value = "topics", .doc = "beginning of the objects' names"},
    {.name = "timezone", .default_value = "UTC", .doc = "time zone of path.format"},
    {.name = "behavior.on.null.values",
     .default_value = "fail",
     .doc = "ignore: a record without a value has no line; fail: it is a bad record",
     .words = "fail ignore"},
    {.name = "object.max.bytes",
     .type = kLongOfS3,
     .default_value = "8388608",
     .doc = "size of keys and values after which an object ends",
     .least = 1,
     .most = kMostObjectBytes},
};
constexpr PropertyRow kShortS3Rows[] = {
    {.name = "s3.region", .default_value = "us-east-1", .doc = "region of the bucket"},
    {.name = "format",
     .default_value = "json",
     .doc = "json: a JSON value per line; csv: RFC 4180; line: values as they are, a line each",
     .words = "json csv line"},
    {.name = "columns", .doc = "members of the JSON values that a CSV record has, in this order"},
    {.name = "csv.header",
     .type = kFlagOfS3,
     .default_value = "true",
     .doc = "the first record of each object has the names of the columns"},
    {.name = "csv.separator.char", .default_value = ",", .doc = "character between fields"},
    {.name = "csv.quote.char", .default_value = "\"", .doc = "character around fields"},
    {.name = "csv.null.text", .default_value = "", .doc = "text of a field that is NULL"},
    {.name = "s3.compression.type",
     .default_value = "none",
     .doc = "compression of each object, whose name then ends with .gz or .zst",
     .words = "none gzip zstd"},
    {.name = "path.format",
     .doc = "path of the records' times, such as 'year'=YYYY/'month'=MM; empty: partition=N"},
    {.name = "partition.duration.ms",
     .type = kLongOfS3,
     .default_value = "3600000",
     .doc = "length of the periods of path.format",
     .least = 1},
    {.name = "timestamp.extractor",
     .default_value = "Record",
     .doc = "time for path.format: of the record, or of the clock when the object is named",
     .words = "Record Wallclock"},
    {.name = "flush.size",
     .type = kLongOfS3,
     .default_value = "10000",
     .doc = "most records of an object",
     .least = 1},
    {.name = "rotate.interval.ms",
     .type = kLongOfS3,
     .default_value = "-1",
     .doc = "an object ends before a record whose timestamp is this much after that of its first",
     .least = -1},
    {.name = "rotate.schedule.interval.ms",
     .type = kLongOfS3,
     .default_value = "60000",
     .doc = "time after which an object with records ends; -1: none",
     .least = -1},
};
constexpr PropertyRow kConfluentS3Rows[] = {
    {.name = "s3.region", .default_value = "us-west-2", .doc = "region of the bucket"},
    {.name = "storage.class",
     .doc = "class of the storage",
     .is_required = true,
     .words = "io.confluent.connect.s3.storage.S3Storage"},
    {.name = "format.class",
     .doc = "form of the objects",
     .is_required = true,
     .words = "io.confluent.connect.s3.format.json.JsonFormat "
              "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"},
    {.name = "format.bytearray.extension",
     .default_value = ".bin",
     .doc = "end of the names of objects of ByteArrayFormat"},
    {.name = "format.bytearray.separator",
     .doc = "text behind each value of ByteArrayFormat; empty: a line break"},
    {.name = "s3.compression.type",
     .default_value = "none",
     .doc = "compression of each object, whose name then ends with .gz",
     .words = "none gzip"},
    {.name = "partitioner.class",
     .default_value = "io.confluent.connect.storage.partitioner.DefaultPartitioner",
     .doc = "class that gives an object its path",
     .words = "io.confluent.connect.storage.partitioner.DefaultPartitioner "
              "io.confluent.connect.storage.partitioner.TimeBasedPartitioner "
              "io.confluent.connect.storage.partitioner.HourlyPartitioner "
              "io.confluent.connect.storage.partitioner.DailyPartitioner"},
    {.name = "path.format", .doc = "path of the records' times of TimeBasedPartitioner"},
    {.name = "partition.duration.ms",
     .type = kLongOfS3,
     .default_value = "-1",
     .doc = "length of the periods of TimeBasedPartitioner",
     .least = -1},
    {.name = "timestamp.extractor",
     .default_value = "Wallclock",
     .doc = "time for path.format: of the record, or of the clock when the object is named",
     .words = "Record Wallclock"},
    {.name = "locale", .doc = "has no effect: paths have numbers only"},
    {.name = "file.delim", .default_value = "+", .doc = "text between topic, partition and offset"},
    {.name = "directory.delim",
     .default_value = "/",
     .doc = "character between directories",
     .words = "/"},
    {.name = "filename.offset.zero.pad.width",
     .type = PropertyType::Int,
     .default_value = "10",
     .doc = "least number of digits of the offset in a name",
     .most = 20},
    {.name = "flush.size",
     .type = PropertyType::Int,
     .doc = "most records of an object",
     .is_required = true,
     .least = 1},
    {.name = "rotate.interval.ms",
     .type = kLongOfS3,
     .default_value = "-1",
     .doc = "an object ends before a record whose timestamp is this much after that of its first",
     .least = -1},
    {.name = "rotate.schedule.interval.ms",
     .type = kLongOfS3,
     .default_value = "-1",
     .doc = "time after which an object with records ends; -1: none",
     .least = -1},
    {.name = "key.converter", .doc = "class that converts keys, which are not written"},
    {.name = "key.converter.schemas.enable", .type = kFlagOfS3, .doc = "JSON keys have a schema"},
    {.name = "value.converter", .doc = "class that converts values", .words = kS3Converters},
    {.name = "value.converter.schemas.enable",
     .type = kFlagOfS3,
     .default_value = "true",
     .doc = "JSON values have a schema, and their payload is written"},
    {.name = "header.converter", .doc = "class that converts headers, which are not written"},
    {.name = "schema.compatibility",
     .default_value = "NONE",
     .doc = "rule for schemas",
     .words = "NONE"},
    {.name = "s3.part.size", .doc = "has no effect: an object is one request (object.max.bytes)"},
    {.name = "s3.compression.level", .doc = "has no effect"},
    {.name = "s3.http.send.expect.continue", .doc = "has no effect"},
    {.name = "s3.http.send.uses.expect.continue", .doc = "has no effect"},
    {.name = "retry.backoff.ms", .doc = "has no effect: a task is restarted after 0.1 to 30 s"},
    {.name = "schema.cache.size", .doc = "has no effect"},
    {.name = "enhanced.avro.schema.support", .doc = "has no effect"},
    {.name = "connect.meta.data", .doc = "has no effect"},
    {.name = "avro.codec", .doc = "has no effect"},
    {.name = "parquet.codec", .doc = "has no effect"},
    {.name = "schema.generator.class", .doc = "has no effect"},
};

// Properties of Confluent's class that are refused if they have another value than `harmless`.
struct UnsupportedOfS3 {
  std::string_view name, harmless = {}, instead = {};
};
constexpr UnsupportedOfS3 kUnsupportedOfS3[] = {
    {"s3.credentials.provider.class", "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
     "set aws.access.key.id and aws.secret.access.key"},
    {"s3.proxy.url"},
    {"s3.proxy.user"},
    {"s3.proxy.password", "[hidden]"},
    {"s3.wan.mode", "false"},
    {"s3.acl.canned"},
    {"s3.object.tagging", "false"},
    {"s3.object.behavior.on.tagging.error", "ignore"},
    {"s3.sse.customer.key"},
    {"s3.elastic.buffer.enable", "false"},
    {"store.kafka.keys", "false", "InsertField and HoistField copy a key into the value"},
    {"store.kafka.headers", "false", "HeaderFrom and InsertField copy fields into the value"},
    {"keys.format.class", "io.confluent.connect.s3.format.avro.AvroFormat"},
    {"headers.format.class", "io.confluent.connect.s3.format.avro.AvroFormat"},
    {"partition.field.name", "", "FieldPartitioner does not exist"},
    {"timestamp.field", "timestamp", "timestamp.extractor = Record reads the record's timestamp"},
    {"rotate.file.on.partition.change", "true"},
    {"max.open.files.per.partition", "-1"},
    {"json.decimal.format", "BASE64"},
    {"topics.regex", ""},
};

bool has_dot_segment(std::string_view path) {
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == ".." || segment.empty()) return true;
    begin = end + 1;
  }
  return false;
}

// The rules of Amazon for names of buckets: 3 to 63 of these characters. Other names cannot be parts of a host.
bool is_bucket_name(std::string_view name) {
  constexpr size_t kLeast = 3, kMost = 63;
  return name.size() >= kLeast && name.size() <= kMost && name.find("..") == name.npos &&
         !name.starts_with('.') && !name.ends_with('.') && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

bool is_host_part(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_printable_line(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

class S3Reader {
 public:
  S3Reader(const ConnectorClass& of, const PropertyValues& values, S3SinkResult& read)
      : of_(of), values_(values), sink_(read.sink), wrong_(read.wrong) {}

  void read() {
    refuse_unsupported();
    sink_.topics = values_.list("topics");
    if (sink_.topics.empty()) wrong("topics", "names no topic");
    read_bucket();
    read_names();
    read_format();
    sink_.ignores_nulls = values_.text("behavior.on.null.values") == "ignore";
    const int64_t age_ms = values_.number("rotate.schedule.interval.ms");
    sink_.limits = {.records = values_.number("flush.size"),
                    .bytes = values_.number("object.max.bytes"),
                    .age_ms = age_ms > 0 ? age_ms : kNoAgeMs,
                    .span_ms = std::max<int64_t>(0, values_.number("rotate.interval.ms"))};
  }

 private:
  void wrong(const std::string& name, std::string_view problem, std::string hint = {}) {
    wrong_.push_back({name, fmt::format("property \"{}\" {}", name, problem), std::move(hint)});
  }

  void refuse_unsupported() {
    for (const auto& [name, harmless, instead] : kUnsupportedOfS3) {
      const auto set = values_.config().find(std::string(name));
      if (set == values_.config().end() || set->second.empty() || set->second == harmless) continue;
      std::string problem = "is not supported";
      if (!instead.empty())
        problem += fmt::format(": {}", instead);
      else if (!harmless.empty())
        problem += fmt::format(" with another value than \"{}\"", harmless);
      wrong(std::string(name), problem);
    }
  }

  void read_bucket() {
    S3Bucket& bucket = sink_.bucket;
    bucket.name = values_.text("s3.bucket.name");
    bucket.region = values_.text("s3.region");
    bucket.is_path_style = values_.flag("s3.path.style.access.enabled");
    bucket.access_key_id = values_.text("aws.access.key.id");
    bucket.secret_access_key = values_.text("aws.secret.access.key");
    bucket.session_token = values_.text("aws.session.token");
    bucket.encryption = values_.text("s3.ssea.name");
    bucket.encryption_key = values_.text("s3.sse.kms.key.id");
    bucket.retries = values_.number("s3.part.retries");
    bucket.backoff_ms = values_.number("s3.retry.backoff.ms");
    if (!is_bucket_name(bucket.name)) wrong("s3.bucket.name", "is not the name of a bucket");
    if (!is_host_part(bucket.region)) wrong("s3.region", "is a region such as eu-central-1");
    // These texts become headers of the requests, so they must be printable lines. The message does not show them,
    // because some of them are secrets.
    for (const char* const name :
         {"aws.access.key.id", "aws.secret.access.key", "aws.session.token", "s3.sse.kms.key.id"})
      if (!is_printable_line(values_.text(name))) wrong(name, "has no blanks and no line breaks");
    if (!bucket.encryption_key.empty() && bucket.encryption != "aws:kms")
      wrong("s3.sse.kms.key.id", "needs \"s3.ssea.name\" = aws:kms");
    bucket.endpoint = values_.text("store.url");
    while (bucket.endpoint.ends_with('/')) bucket.endpoint.pop_back();
    if (bucket.endpoint.empty()) {
      const bool is_china = bucket.region.starts_with("cn-");
      bucket.endpoint =
          fmt::format("https://s3.{}.amazonaws.com{}", bucket.region, is_china ? ".cn" : "");
    } else {
      check_url();
    }
  }
  void check_url() {
    const std::string_view url = sink_.bucket.endpoint;
    const size_t host = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
    // A path would be a part of the signed address, and the services disagree about it.
    if (host == 0 || host == url.size() || url.find_first_of("/?#@ \t\r\n", host) != url.npos)
      wrong("store.url", "has the form http://HOST:PORT or https://HOST:PORT");
  }

  void read_names() {
    sink_.topics_dir = values_.text("topics.dir");
    constexpr size_t kMostDirBytes = 500;  // names have at most 1,024 bytes
    if (!sink_.topics_dir.empty() &&
        (has_dot_segment(sink_.topics_dir) || sink_.topics_dir.size() > kMostDirBytes))
      wrong("topics.dir", "is a path without empty parts, \".\" and \"..\", of at most 500 bytes");
    if (!of_.is_short()) sink_.delimiter = values_.text("file.delim");
    constexpr int kDigits = 10;
    sink_.offset_digits = of_.is_short()
                              ? kDigits
                              : static_cast<int>(values_.number("filename.offset.zero.pad.width"));
    sink_.uses_wall_clock = values_.text("timestamp.extractor") == "Wallclock";
    std::string format = values_.text("path.format");
    int64_t duration_ms = values_.number("partition.duration.ms");
    if (!of_.is_short()) {
      const std::string partitioner = values_.text("partitioner.class");
      if (partitioner.ends_with(".DefaultPartitioner")) return;
      if (partitioner.ends_with(".HourlyPartitioner")) {
        format = kHourlyPath;
        duration_ms = kHourOfPathMs;
      } else if (partitioner.ends_with(".DailyPartitioner")) {
        format = kDailyPath;
        duration_ms = kDayOfPathMs;
      } else if (format.empty()) {
        return wrong("path.format", "is required with TimeBasedPartitioner");
      }
    }
    if (format.empty()) return;
    if (duration_ms < 1)
      return wrong("partition.duration.ms", "is required with TimeBasedPartitioner");
    auto zone = TimeZone::find(values_.text("timezone"));
    if (!zone)
      return wrong("timezone", "names no time zone", "Names are those of Java: Europe/Rome.");
    auto times = TimePath::parse(format, *std::move(zone), duration_ms);
    if (!times)
      return wrong("path.format", fmt::format("is not supported: {}", times.error().message),
                   times.error().hint);
    if (has_dot_segment(times->of(0)))
      return wrong("path.format", "has an empty part, \".\" or \"..\"");
    sink_.times = *std::move(times);
  }

  void read_format() {
    sink_.separator = "\n";
    if (of_.is_short())
      read_short_format();
    else
      read_format_class();
    const std::string compression = values_.text("s3.compression.type");
    if (compression == "gzip") sink_.extension += ".gz";
    if (compression == "zstd") sink_.extension += ".zst";
  }
  void read_short_format() {
    const std::string format = values_.text("format");
    sink_.csv = csv_settings(values_, wrong_);
    sink_.has_header = values_.flag("csv.header");
    for (const std::string& column : values_.list("columns"))
      sink_.columns.push_back(column.substr(0, column.find(' ')));
    sink_.format = format == "csv"    ? S3Format::Csv
                   : format == "line" ? S3Format::Line
                                      : S3Format::Json;
    sink_.extension = format == "line" ? ".txt" : "." + format;
    if (sink_.format == S3Format::Csv && sink_.columns.empty())
      wrong("columns", "is required with format csv: the members of the JSON values, 'id,name'");
  }
  void read_format_class() {
    // Without value.converter, JsonConverter is used, the default of a Kafka Connect worker.
    const std::string converter = values_.text("value.converter");
    const bool is_json = converter.empty() || converter.ends_with(".JsonConverter");
    sink_.converter = !is_json                                         ? DataForm::Text
                      : values_.flag("value.converter.schemas.enable") ? DataForm::JsonWithSchema
                                                                       : DataForm::Json;
    if (values_.text("format.class") == kS3BytesFormat) {
      sink_.format = S3Format::Bytes;
      sink_.extension = values_.text("format.bytearray.extension");
      if (const std::string separator = values_.text("format.bytearray.separator");
          !separator.empty())
        sink_.separator = separator;
      if (!converter.ends_with(".ByteArrayConverter"))
        wrong("value.converter",
              "is org.apache.kafka.connect.converters.ByteArrayConverter with ByteArrayFormat");
    } else {
      sink_.extension = ".json";
      if (converter.ends_with(".ByteArrayConverter"))
        wrong("value.converter", fmt::format("is not ByteArrayConverter with {}", kS3JsonFormat));
    }
  }

  const ConnectorClass& of_;
  const PropertyValues& values_;
  S3Sink& sink_;
  std::vector<WrongProperty>& wrong_;
};

}  // namespace

std::vector<PropertyRow> s3_sink_rows(const ConnectorClass& of) {
  std::vector<PropertyRow> rows = common_properties(ConnectorType::Sink);
  const auto append = [&](std::span<const PropertyRow> more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  append(kCommonS3Rows);
  if (of.is_short()) {
    append(kShortS3Rows);
    return rows;
  }
  append(kConfluentS3Rows);
  // The rows make the properties known; refuse_unsupported() checks the values.
  for (const UnsupportedOfS3& each : kUnsupportedOfS3)
    if (each.name != "topics.regex")
      rows.push_back({.name = each.name, .type = kText, .doc = "not supported"});
  return rows;
}

S3SinkResult read_s3_sink(const ConnectorClass& of, const PropertyValues& values) {
  S3SinkResult read;
  S3Reader(of, values, read).read();
  return read;
}

RecordForms s3_forms(const ConnectorClass& of, const PropertyValues& values) {
  const S3Sink sink = read_s3_sink(of, values).sink;
  if (sink.converter) return {DataForm::Text, *sink.converter};
  return {DataForm::Text, sink.format == S3Format::Line ? DataForm::Text : DataForm::Json};
}

std::string s3_object_name(const S3Sink& sink, std::string_view topic, PartitionId partition,
                           Offset first, int64_t time_ms) {
  std::string name = sink.topics_dir.empty() ? std::string() : sink.topics_dir + "/";
  name += topic;
  name +=
      sink.times ? "/" + sink.times->of(time_ms) : fmt::format("/partition={}", partition.value());
  name += fmt::format("/{0}{1}{2}{1}{3:0{4}}{5}", topic, sink.delimiter, partition.value(),
                      first.value(), sink.offset_digits, sink.extension);
  return name;
}

Result<std::optional<std::string>> s3_record_text(const S3Sink& sink, const std::string& value) {
  using Text = std::optional<std::string>;
  switch (sink.format) {
    case S3Format::Bytes:
      return Text(value);
    case S3Format::Line:
      if (value.find('\n') != value.npos)
        return Error{ErrorCode::InvalidText,
                     "the value has several lines",
                     {},
                     "Format json writes such a value on one line."};
      return Text(value);
    case S3Format::Csv:
      return Text(TRY(csv_line(value, sink.columns, sink.csv)));
    case S3Format::Json:
      break;
  }
  if (!sink.converter) return Text(TRY(json_line(value)));
  const ConnectDatum datum = TRY(decode_datum(value, *sink.converter));
  if (datum.value.is_null()) return Text();
  // JSON without a schema stays as the producer has written it.
  if (*sink.converter == DataForm::Json) return Text(TRY(json_line(value)));
  return Text(json_tree_text(datum.value));
}

}  // namespace engine
