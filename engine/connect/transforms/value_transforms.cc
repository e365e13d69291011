// Cast and TimestampConverter of Kafka Connect: these transforms convert single values to other types
// (https://kafka.apache.org/documentation/#connect_transforms).
#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/transforms/cast_value.h"
#include "engine/connect/transforms/transform.h"
#include "engine/java/java_time.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// --- Cast

constexpr PropertyRow kCastOptions[] = {
    {.name = "spec",
     .type = PropertyType::List,
     .doc = "pairs field:type, or one type for the whole key or value; types are int8, int16, "
            "int32, int64, float32, float64, boolean and string",
     .is_required = true},
};

struct FieldCast {
  std::string field;  // empty: the whole key or value
  CastType type;
};

class CastTransform final : public SidedTransform {
 public:
  CastTransform(TransformSide side, std::vector<FieldCast> casts)
      : SidedTransform(side), casts_(std::move(casts)) {}

  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    std::vector<FieldCast> casts;
    for (const std::string& item : options.list("spec")) {
      const size_t colon = item.rfind(':');
      const bool is_whole = colon == std::string::npos;
      const std::string name = is_whole ? item : item.substr(colon + 1);
      const auto type = cast_type_of(name);
      if (!type)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("spec: \"{}\" is not a type; types are int8, int16, int32, int64, "
                                 "float32, float64, boolean and string",
                                 name)};
      casts.push_back({is_whole ? "" : item.substr(0, colon), *type});
    }
    const bool has_whole = std::ranges::any_of(casts, &std::string::empty, &FieldCast::field);
    if (has_whole && casts.size() > 1)
      return Error{ErrorCode::InvalidParameter,
                   "spec: a type without a field is for the whole key or value, and stands alone"};
    return std::unique_ptr<Transform>(std::make_unique<CastTransform>(side, std::move(casts)));
  }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    if (datum.value.is_null()) return {};
    if (casts_.front().field.empty()) return cast_whole(datum);
    TRY(require_object(datum, "Cast"));
    for (const FieldCast& cast : casts_) {
      JsonTree* const member = find_member(datum.value, cast.field);
      const JsonTree* const schema = datum.schema ? find_field(*datum.schema, cast.field) : nullptr;
      if (datum.schema && schema == nullptr) continue;
      auto result = cast_value(member == nullptr ? JsonTree() : *member, schema, cast.type);
      if (!result)
        return Error{result.error().code,
                     fmt::format("field \"{}\": {}", cast.field, result.error().message)};
      set_member(datum.value, cast.field, *std::move(result));
    }
    if (datum.schema) datum.schema = TRY(cast_fields(*datum.schema));
    return {};
  }

 private:
  Status cast_whole(ConnectDatum& datum) const {
    const CastType type = casts_.front().type;
    datum.value = TRY(cast_value(datum.value, datum.schema ? &*datum.schema : nullptr, type));
    if (!datum.schema) return {};
    JsonTree schema = make_schema(schema_type_of(type), is_optional(*datum.schema));
    for (const std::string_view kept : {"name", "version", "doc", "parameters"})
      if (const JsonTree* member = datum.schema->find(kept)) set_member(schema, kept, *member);
    datum.schema = std::move(schema);
    return {};
  }

  Result<JsonTree> cast_fields(const JsonTree& schema) const {
    std::vector<JsonTree> fields;
    for (const JsonTree& field : schema.find("fields")->items) {
      const std::string name = field.text_of("field");
      const auto cast = std::ranges::find(casts_, name, &FieldCast::field);
      if (cast == casts_.end()) {
        fields.push_back(field);
        continue;
      }
      JsonTree changed = make_schema(schema_type_of(cast->type), is_optional(field));
      if (const JsonTree* given = field.find("default"))
        set_member(changed, "default", TRY(cast_value(*given, &field, cast->type)));
      fields.push_back(as_field(std::move(changed), name));
    }
    JsonTree changed = struct_like(schema, std::move(fields));
    set_member(changed, "optional", {.kind = JsonKind::Boolean, .boolean = is_optional(schema)});
    return changed;
  }

  const std::vector<FieldCast> casts_;
};

// --- TimestampConverter

constexpr PropertyRow kTimestampOptions[] = {
    {.name = "field", .default_value = "", .doc = "field with the time; empty: the whole value"},
    {.name = "target.type",
     .doc = "type of the result",
     .is_required = true,
     .words = "string unix Date Time Timestamp"},
    {.name = "format",
     .default_value = "",
     .doc = "pattern of Java's SimpleDateFormat for texts, in UTC: yyyy-MM-dd HH:mm:ss"},
    {.name = "unix.precision",
     .default_value = "milliseconds",
     .doc = "unit of numbers",
     .words = "seconds milliseconds microseconds nanoseconds"},
};

enum class TimeTarget : uint8_t { String, Unix, Date, Time, Timestamp };

TimeTarget target_of(std::string_view name) {
  if (name == "string") return TimeTarget::String;
  if (name == "unix") return TimeTarget::Unix;
  if (name == "Date") return TimeTarget::Date;
  return name == "Time" ? TimeTarget::Time : TimeTarget::Timestamp;
}

constexpr int64_t kDayMs = 86'400'000;

int64_t floor_of(int64_t number, int64_t unit) {
  return number / unit - (number % unit != 0 && number < 0 ? 1 : 0);
}

// Whether both of Java's formatters print the pattern in the same way. In SimpleDateFormat, S is a number of
// milliseconds and u the number of the weekday.
bool is_printed_alike(std::string_view pattern) {
  bool is_quoted = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\'') is_quoted = !is_quoted;
    if (is_quoted) continue;
    if (pattern[i] == 'u') return false;
    if (pattern[i] != 'S') continue;
    const size_t end = std::min(pattern.find_first_not_of('S', i), pattern.size());
    constexpr size_t kDigits = 3;
    if (end - i != kDigits) return false;
    i = end - 1;
  }
  return true;
}

struct TimePatterns {
  TimePattern printed, parsed;
};

class TimestampConverter final : public SidedTransform {
 public:
  TimestampConverter(TransformSide side, const PropertyValues& options,
                     std::optional<TimePatterns> patterns)
      : SidedTransform(side),
        field_(options.text("field")),
        target_(target_of(options.text("target.type"))),
        precision_(options.text("unix.precision")),
        patterns_(std::move(patterns)) {}

  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    const std::string format = options.text("format");
    const bool is_printed = options.text("target.type") == "string";
    if (format.empty() && is_printed)
      return Error{ErrorCode::InvalidParameter, "target.type string needs format"};
    std::optional<TimePatterns> patterns;
    if (!format.empty()) {
      auto printed = TimePattern::compile(format);
      auto parsed = TimePattern::compile_simple(format);
      if (!printed || !parsed)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("format: \"{}\" is not a pattern of SimpleDateFormat: {}", format,
                                 (printed ? parsed.error() : printed.error()).message)};
      if (is_printed && !is_printed_alike(format))
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("format: \"{}\" has the letter u, or other than three of the "
                                 "letter S, which are not supported for texts that are written",
                                 format)};
      patterns = TimePatterns{*std::move(printed), *std::move(parsed)};
    }
    return std::unique_ptr<Transform>(
        std::make_unique<TimestampConverter>(side, options, std::move(patterns)));
  }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    if (field_.empty()) {
      datum.value = TRY(converted(datum.value, datum.schema ? &*datum.schema : nullptr));
      if (datum.schema) datum.schema = target_schema(is_optional(*datum.schema));
      return {};
    }
    if (datum.value.is_null()) return {};
    TRY(require_object(datum, "TimestampConverter"));
    const JsonTree* const schema = datum.schema ? find_field(*datum.schema, field_) : nullptr;
    if (datum.schema && schema == nullptr) return {};
    JsonTree* const member = find_member(datum.value, field_);
    auto result = converted(member == nullptr ? JsonTree() : *member, schema);
    if (!result)
      return Error{result.error().code,
                   fmt::format("field \"{}\": {}", field_, result.error().message)};
    set_member(datum.value, field_, *std::move(result));
    if (!datum.schema) return {};
    for (JsonTree& field : find_member(*datum.schema, "fields")->items)
      if (field.text_of("field") == field_)
        field = as_field(target_schema(is_optional(field)), field_);
    return {};
  }

 private:
  JsonTree target_schema(bool optional) const {
    switch (target_) {
      case TimeTarget::String:
        return make_schema("string", optional);
      case TimeTarget::Unix:
        return make_schema("int64", optional);
      case TimeTarget::Date:
        return make_time_schema(kDateSchema, optional);
      case TimeTarget::Time:
        return make_time_schema(kTimeSchema, optional);
      case TimeTarget::Timestamp:
        break;
    }
    return make_time_schema(kTimestampSchema, optional);
  }

  // Returns milliseconds since 1970.
  Result<int64_t> ms_of(const JsonTree& value, const JsonTree* schema) const {
    if (value.kind == JsonKind::String) {
      if (!patterns_) return Error{ErrorCode::InvalidText, "a text needs the option format"};
      const auto ms = patterns_->parsed.parse_lenient_date(value.text);
      if (!ms)
        return Error{ErrorCode::InvalidText,
                     fmt::format("the time \"{}\" does not match the format \"{}\"", value.text,
                                 patterns_->parsed.text())};
      return *ms;
    }
    const auto number = value.kind == JsonKind::Number ? parse_bigint(value.text) : std::nullopt;
    if (!number)
      return Error{ErrorCode::InvalidText,
                   fmt::format("{} is no time: TimestampConverter takes whole numbers and texts",
                               kind_name(value))};
    const std::string name = schema == nullptr ? std::string() : schema->text_of("name");
    if (name == kDateSchema) return *number * kDayMs;
    if (name == kTimestampSchema || name == kTimeSchema) return *number;
    if (precision_ == "seconds") {
      constexpr int64_t kMs = 1'000;
      if (*number > INT64_MAX / kMs || *number < INT64_MIN / kMs)
        return Error{ErrorCode::OutOfRange, fmt::format("{} seconds are out of range", *number)};
      return *number * kMs;
    }
    // Rounds towards zero, like Java's TimeUnit.
    if (precision_ == "microseconds") return *number / 1'000;
    if (precision_ == "nanoseconds") return *number / 1'000'000;
    return *number;
  }

  Result<JsonTree> converted(const JsonTree& value, const JsonTree* schema) const {
    if (value.is_null()) return JsonTree();
    const int64_t ms = TRY(ms_of(value, schema));
    switch (target_) {
      case TimeTarget::String:
        return json_text(TRY(patterns_->printed.format_timestamp(ms, TimeZone::utc())));
      case TimeTarget::Date:
        return json_number(floor_of(ms, kDayMs));
      case TimeTarget::Time:
        return json_number(ms - floor_of(ms, kDayMs) * kDayMs);
      case TimeTarget::Timestamp:
        return json_number(ms);
      case TimeTarget::Unix:
        break;
    }
    if (precision_ == "milliseconds") return json_number(ms);
    if (precision_ == "seconds") return json_number(ms / 1'000);
    const int64_t factor = precision_ == "microseconds" ? 1'000 : 1'000'000;
    if (ms > INT64_MAX / factor || ms < INT64_MIN / factor)
      return Error{ErrorCode::OutOfRange, fmt::format("the time {} ms is out of range", ms)};
    return json_number(ms * factor);
  }

  const std::string field_;
  const TimeTarget target_;
  const std::string precision_;
  const std::optional<TimePatterns> patterns_;
};

// --- TimestampRouter

constexpr PropertyRow kTimeRouterOptions[] = {
    {.name = "topic.format",
     .default_value = "${topic}-${timestamp}",
     .doc = "name of the topic, with ${topic} and ${timestamp} in it"},
    {.name = "timestamp.format",
     .default_value = "yyyyMMdd",
     .doc = "pattern of SimpleDateFormat for the time of the record in UTC"},
};

class TimestampRouter final : public Transform {
 public:
  TimestampRouter(std::string topic_format, TimePattern pattern)
      : topic_format_(std::move(topic_format)), pattern_(std::move(pattern)) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options, TransformSide) {
    const std::string format = options.text("timestamp.format");
    auto pattern = TimePattern::compile(format);
    if (!pattern || !is_printed_alike(format))
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("timestamp.format: \"{}\" is not a pattern of SimpleDateFormat that "
                               "is supported",
                               format)};
    return std::unique_ptr<Transform>(
        std::make_unique<TimestampRouter>(options.text("topic.format"), *std::move(pattern)));
  }
  bool uses(TransformSide) const override { return false; }
  bool routes_by_time() const override { return true; }
  Result<bool> apply(ConnectRecord& record) const override {
    if (!record.timestamp_ms)
      return Error{ErrorCode::InvalidText,
                   "TimestampRouter needs a timestamp, and the record has none"};
    const std::string time = TRY(pattern_.format_timestamp(*record.timestamp_ms, TimeZone::utc()));
    record.topic =
        replaced(replaced(topic_format_, "${topic}", record.topic), "${timestamp}", time);
    return true;
  }

 private:
  static std::string replaced(std::string text, std::string_view mark, const std::string& by) {
    for (size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + by.size()))
      text.replace(at, mark.size(), by);
    return text;
  }

  const std::string topic_format_;
  const TimePattern pattern_;
};

constexpr TransformClass kValueClasses[] = {
    {"Cast", true, kCastOptions, CastTransform::make},
    {"TimestampConverter", true, kTimestampOptions, TimestampConverter::make},
    {"TimestampRouter", false, kTimeRouterOptions, TimestampRouter::make},
};

}  // namespace

std::span<const TransformClass> value_transforms() { return kValueClasses; }

}  // namespace engine
