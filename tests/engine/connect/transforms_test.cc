// Single message transforms: each class with a table of cases. The expected results are those that Kafka's documentation
// and its classes in org.apache.kafka.connect.transforms define.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "engine/connect/transforms/transform_chain.h"

namespace engine {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

ConnectorProperties config_of(const std::string& type, const Options& options) {
  ConnectorProperties config = {
      {"transforms", "t"}, {"transforms.t.type", "org.apache.kafka.connect.transforms." + type}};
  for (const auto& [name, value] : options) config["transforms.t." + name] = value;
  return config;
}

// Returns the value after the transforms; "dropped", "absent", or the message of the error.
std::string result_of(const ConnectorProperties& config, const std::optional<std::string>& value,
                      RecordForms forms = {}) {
  const TransformsResult read = read_transforms(config, forms, ConnectorType::Sink);
  for (const WrongProperty& each : read.wrong) return "wrong: " + each.message;
  ConnectRecord record{
      .topic = "orders", .timestamp_ms = 1'700'000'000'123, .partition = 2, .offset = 41};
  TransformChain::Bytes bytes{std::nullopt, value};
  const auto kept = read.chain->apply(record, bytes);
  if (!kept) return kept.error().message;
  if (!*kept) return "dropped";
  return bytes.value.value_or("absent");
}

struct Case {
  Options options;
  std::optional<std::string> value;
  std::string expected;
};
void check(const std::string& type, const std::vector<Case>& cases, RecordForms forms = {}) {
  for (const Case& each : cases)
    EXPECT_EQ(result_of(config_of(type, each.options), each.value, forms), each.expected)
        << type << " of " << each.value.value_or("absent");
}

constexpr RecordForms kWithSchema{DataForm::JsonWithSchema, DataForm::JsonWithSchema};

// A value with a schema: {"id": 7, "name": "x"}, with "name" optional.
constexpr const char* kStruct =
    R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},)"
    R"({"type":"string","optional":true,"field":"name"}],"optional":false,"name":"row"},)"
    R"("payload":{"id":7,"name":"x"}})";

TEST(Transforms, insert_field) {
  check("InsertField$Value",
        {{{{"static.field", "a"}, {"static.value", "x"}}, R"({"id":1})", R"({"id":1,"a":"x"})"},
         {{{"static.field", "id"}, {"static.value", "x"}}, R"({"id":1})", R"({"id":"x"})"},
         {{{"topic.field", "t"}, {"partition.field", "p"}, {"offset.field", "o!"}},
          "{}",
          R"({"t":"orders","p":2,"o":41})"},
         {{{"timestamp.field", "ts?"}}, R"({"id":1})", R"({"id":1,"ts":1700000000123})"},
         {{{"topic.field", "t"}}, std::nullopt, "absent"},
         {{{"topic.field", "t"}},
          "[1]",
          "transform t: InsertField needs an object with fields, and not an array"},
         {{}, "{}", "wrong: property \"transforms.t.type\": no field to insert is named"},
         {{{"static.field", "a"}},
          "{}",
          "wrong: property \"transforms.t.type\": static.field needs static.value"}});
  check("InsertField$Value",
        {{{{"timestamp.field", "ts"}, {"topic.field", "t!"}},
          kStruct,
          R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},)"
          R"({"type":"string","optional":true,"field":"name"},)"
          R"({"type":"string","optional":false,"field":"t"},)"
          R"({"type":"int64","optional":true,"name":"org.apache.kafka.connect.data.Timestamp",)"
          R"("version":1,"field":"ts"}],"optional":false,"name":"row"},)"
          R"("payload":{"id":7,"name":"x","t":"orders","ts":1700000000123}})"},
         {{{"topic.field", "id"}}, kStruct, "transform t: the schema has a field \"id\" already"}},
        kWithSchema);
}

TEST(Transforms, replace_field) {
  const std::string row = R"({"a":1,"b":2,"c":3})";
  check("ReplaceField$Value",
        {{{{"exclude", "b"}}, row, R"({"a":1,"c":3})"},
         {{{"include", "c, a"}}, row, R"({"a":1,"c":3})"},
         {{{"whitelist", "a"}}, row, R"({"a":1})"},
         {{{"blacklist", "a"}}, row, R"({"b":2,"c":3})"},
         {{{"renames", "a:x,c:y"}, {"exclude", "b"}}, row, R"({"x":1,"y":3})"},
         {{{"include", "a"}, {"exclude", "a"}}, row, "{}"},
         {{{"include", "a"}}, std::nullopt, "absent"},
         {{{"renames", "a"}},
          row,
          "wrong: property \"transforms.t.renames\": \"a\" is not a pair old:new"},
         {{{"include", "a"}},
          "1",
          "transform t: ReplaceField needs an object with fields, and not a number"}});
  check(
      "ReplaceField$Value",
      {{{{"renames", "id:key"}, {"include", "id"}},
        kStruct,
        R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"key"}],)"
        R"("optional":false,"name":"row"},"payload":{"key":7}})"}},
      kWithSchema);
}

TEST(Transforms, mask_field) {
  const std::string row = R"({"s":"x","i":5,"d":1.5,"b":true,"l":[1],"m":{"a":1},"n":null})";
  check("MaskField$Value",
        {{{{"fields", "s,i,d,b,l,m,n"}},
          row,
          R"({"s":"","i":0,"d":0.0,"b":false,"l":[],"m":{},"n":null})"},
         {{{"fields", "s"}, {"replacement", "***"}}, R"({"s":"x"})", R"({"s":"***"})"},
         {{{"fields", "i,d"}, {"replacement", "9"}}, R"({"i":5,"d":1.5})", R"({"i":9,"d":9.0})"},
         {{{"fields", "i"}, {"replacement", "x"}},
          R"({"i":5})",
          "transform t: field \"i\": the replacement \"x\" is not a number"},
         {{{"fields", "l"}, {"replacement", "x"}},
          R"({"l":[]})",
          "transform t: field \"l\": MaskField cannot replace an array"},
         {{{"fields", "none"}}, R"({"a":1})", R"({"a":1,"none":null})"},
         {{{"fields", "a"}},
          std::nullopt,
          "transform t: MaskField needs an object with fields, and not null"},
         {{}, "{}", "wrong: property \"transforms.t.fields\" is required"}});
}

TEST(Transforms, hoist_and_extract_field) {
  check("HoistField$Value", {{{{"field", "line"}}, R"("a")", R"({"line":"a"})"},
                             {{{"field", "v"}}, R"({"a":1})", R"({"v":{"a":1}})"},
                             {{{"field", "v"}}, std::nullopt, R"({"v":null})"}});
  check("HoistField$Value",
        {{{{"field", "line"}}, "a \"b\"", R"({"line":"a \"b\""})"},
         {{{"field", "line"}}, "a\xff", "a text is not UTF-8, and cannot become JSON"}},
        {DataForm::Text, DataForm::Text});
  check(
      "HoistField$Value",
      {{{{"field", "line"}},
        R"({"schema":{"type":"string","optional":false},"payload":"a"})",
        R"({"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"line"}],)"
        R"("optional":false},"payload":{"line":"a"}})"}},
      kWithSchema);
  check("ExtractField$Value",
        {{{{"field", "a"}}, R"({"a":{"b":1}})", R"({"b":1})"},
         {{{"field", "a.b"}, {"field.syntax.version", "V2"}}, R"({"a":{"b":1}})", "1"},
         {{{"field", "a.`b.c`"}, {"field.syntax.version", "V2"}}, R"({"a":{"b.c":[1]}})", "[1]"},
         {{{"field", "none"}}, R"({"a":1})", "absent"},
         {{{"field", "a"}}, std::nullopt, "absent"},
         {{{"field", "a"}},
          "true",
          "transform t: ExtractField needs an object with fields, and not a boolean"}});
  check("ExtractField$Value",
        {{{{"field", "name"}},
          kStruct,
          R"({"schema":{"type":"string","optional":true},"payload":"x"})"},
         {{{"field", "none"}}, kStruct, "transform t: unknown field: none"}},
        kWithSchema);
}

TEST(Transforms, value_to_key) {
  const auto key_of = [](const Options& options, const std::string& value, RecordForms forms) {
    auto config = config_of("ValueToKey", options);
    config["transforms"] = "t,x";
    config["transforms.x.type"] = "ExtractField$Key";
    config["transforms.x.field"] = "id";
    const auto chain = read_transforms(config, forms, ConnectorType::Source).chain;
    ConnectRecord record{.topic = "orders"};
    TransformChain::Bytes bytes{std::nullopt, value};
    const auto kept = chain->apply(record, bytes);
    if (!kept) return kept.error().message;
    EXPECT_EQ(bytes.value, value);
    return bytes.key.value_or("absent");
  };
  EXPECT_EQ(key_of({{"fields", "id,b"}}, R"({"id":"a b","b":1})", {}), "a b");
  EXPECT_EQ(key_of({{"fields", "id"}}, R"({"id":7})", {}), "7");
  EXPECT_EQ(key_of({{"fields", "id"}}, R"({"b":7})", {}), "absent");
  EXPECT_EQ(key_of({{"fields", "id"}, {"topics", "others"}}, R"({"id":7})", {}), "absent");
  EXPECT_EQ(key_of({{"fields", "id"}}, "7", {}),
            "transform t: ValueToKey needs an object with fields, and not a number");
  EXPECT_EQ(key_of({{"fields", "id"}}, kStruct, kWithSchema),
            R"({"schema":{"type":"int32","optional":false},"payload":7})");
  EXPECT_EQ(key_of({{"fields", "id,none"}}, kStruct, kWithSchema),
            "transform t: field does not exist: none");
}

TEST(Transforms, flatten) {
  check("Flatten$Value",
        {{{},
          R"({"a":{"b":{"c":1},"d":null},"e":[{"f":1}]})",
          R"({"a.b.c":1,"a.d":null,"e":[{"f":1}]})"},
         {{{"delimiter", "_"}}, R"({"a":{"b":1}})", R"({"a_b":1})"},
         {{}, std::nullopt, "absent"},
         {{}, "1", "transform t: Flatten needs an object with fields, and not a number"}});
  check("Flatten$Value",
        {{{},
          R"({"schema":{"type":"struct","fields":[{"type":"struct","optional":true,"field":"a",)"
          R"("fields":[{"type":"int32","optional":false,"field":"b"}]}],"optional":false},)"
          R"("payload":{"a":null}})",
          R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":true,"field":"a.b"}],)"
          R"("optional":false},"payload":{"a.b":null}})"}},
        kWithSchema);
}

TEST(Transforms, cast) {
  const auto field = [](const std::string& type, const std::string& value) {
    const std::string result =
        result_of(config_of("Cast$Value", {{"spec", "v:" + type}}), R"({"v":)" + value + "}");
    const std::string begin = R"({"v":)";
    return result.starts_with(begin) ? result.substr(begin.size(), result.size() - begin.size() - 1)
                                     : result;
  };
  const std::string out_of_range =
      "transform t: field \"v\": \"128\" is out of range for the type int8";
  const std::vector<std::array<std::string, 3>> cases = {
      {"int8", "300", "44"},
      {"int8", R"("-5")", "-5"},
      {"int8", R"("128")", out_of_range},
      {"int16", "70000", "4464"},
      {"int32", "1.9", "1"},
      {"int32", "-1e12", "-2147483648"},
      {"int32", "4294967297", "1"},
      {"int64", R"("+12")", "12"},
      {"int64", "true", "1"},
      {"float64", "1", "1.0"},
      {"float64", R"("1e10")", "1.0E10"},
      {"float32", "0.1", "0.1"},
      {"float32", "16777217", "1.6777216E7"},
      {"boolean", "2", "true"},
      {"boolean", R"("TRUE")", "true"},
      {"boolean", R"("yes")", "false"},
      {"boolean", "0.5", "false"},
      {"string", "1.50", R"("1.5")"},
      {"string", "12", R"("12")"},
      {"string", "false", R"("false")"},
      {"string", "null", "null"},
      {"INT64", R"("7")", "7"},
      {"int64", "[1]", "transform t: field \"v\": an array cannot be cast"}};
  for (const auto& [type, value, expected] : cases)
    EXPECT_EQ(field(type, value), expected) << type << " of " << value;
  check("Cast$Value",
        {{{{"spec", "int64"}}, R"("5")", "5"},
         {{{"spec", "a:string,b:int8"}}, R"({"a":1,"b":"2"})", R"({"a":"1","b":2})"},
         {{{"spec", "a:string"}}, "{}", R"({"a":null})"},
         {{{"spec", "int64"}}, std::nullopt, "absent"},
         {{{"spec", "a:number"}},
          "{}",
          "wrong: property \"transforms.t.spec\": \"number\" is not a type; types are int8, int16, "
          "int32, int64, float32, float64, boolean and string"},
         {{{"spec", "int64,a:int8"}},
          "{}",
          "wrong: property \"transforms.t.spec\": a type without a field is for the whole key or "
          "value, and stands alone"}});
  check(
      "Cast$Value",
      {{{{"spec", "id:string,other:int8"}},
        kStruct,
        R"({"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},)"
        R"({"type":"string","optional":true,"field":"name"}],"optional":false,"name":"row"},)"
        R"("payload":{"id":"7","name":"x"}})"},
       {{{"spec", "string"}},
        R"({"schema":{"type":"int32","optional":false,"name":"org.apache.kafka.connect.data.Date",)"
        R"("version":1},"payload":19675})",
        R"({"schema":{"type":"string","optional":false,)"
        R"("name":"org.apache.kafka.connect.data.Date","version":1},"payload":"2023-11-14"})"}},
      kWithSchema);
}

TEST(Transforms, timestamp_converter) {
  const Options text = {
      {"field", "t"}, {"target.type", "string"}, {"format", "yyyy-MM-dd HH:mm:ss.SSS"}};
  const auto to = [](const std::string& type, Options more = {}) {
    more.insert(more.end(), {{"field", "t"}, {"target.type", type}});
    return more;
  };
  check(
      "TimestampConverter$Value",
      {{text, R"({"t":1700000000123})", R"({"t":"2023-11-14 22:13:20.123"})"},
       {text, R"({"t":null})", R"({"t":null})"},
       {text, "{}", R"({"t":null})"},
       {to("unix", {{"format", "yyyy-MM-dd"}}), R"({"t":"2023-11-14"})", R"({"t":1699920000000})"},
       {to("unix", {{"format", "yyyy-MM-dd"}, {"unix.precision", "seconds"}}),
        R"({"t":"2023-11-14"})", R"({"t":1699920000})"},
       {to("string", {{"format", "HH:mm"}, {"unix.precision", "nanoseconds"}}),
        R"({"t":1700000000123456789})", R"({"t":"22:13"})"},
       {to("Date"), R"({"t":1700000000123})", R"({"t":19675})"},
       {to("Date"), R"({"t":-1})", R"({"t":-1})"},
       {to("Time"), R"({"t":1700000000123})", R"({"t":80000123})"},
       {to("Timestamp", {{"unix.precision", "seconds"}}), R"({"t":1700000000})",
        R"({"t":1700000000000})"},
       {to("unix", {{"format", "yyyy-MM-dd"}}), R"({"t":"x"})",
        "transform t: field \"t\": the time \"x\" does not match the format \"yyyy-MM-dd\""},
       {to("unix"), R"({"t":"x"})", "transform t: field \"t\": a text needs the option format"},
       {to("unix"), R"({"t":1.5})",
        "transform t: field \"t\": a number is no time: TimestampConverter takes whole numbers "
        "and texts"},
       {to("string"), "{}",
        "wrong: property \"transforms.t.type\": target.type string needs format"},
       {to("date"), "{}",
        "wrong: property \"transforms.t.target.type\" is \"string\", \"unix\", \"Date\", "
        "\"Time\" or \"Timestamp\", not \"date\""},
       {to("string", {{"format", "yyyy.SSSSSS"}}), "{}",
        "wrong: property \"transforms.t.format\": \"yyyy.SSSSSS\" has the letter u, or other than "
        "three of the letter S, which are not supported for texts that are written"},
       {{{"target.type", "Date"}}, "86400000", "1"},
       {{{"target.type", "Date"}}, std::nullopt, "absent"}});
  check("TimestampConverter$Value",
        {{{{"field", "id"}, {"target.type", "string"}, {"format", "yyyy"}},
          R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":true,)"
          R"("name":"org.apache.kafka.connect.data.Date","version":1,"field":"id"}],)"
          R"("optional":false},"payload":{"id":19675}})",
          R"({"schema":{"type":"struct","fields":[{"type":"string","optional":true,"field":"id"}],)"
          R"("optional":false},"payload":{"id":"2023"}})"}},
        kWithSchema);
}

TEST(Transforms, set_schema_metadata) {
  check("SetSchemaMetadata$Value",
        {{{{"schema.name", "x"}, {"schema.version", "3"}},
          R"({"schema":{"type":"string","optional":false},"payload":"a"})",
          R"({"schema":{"type":"string","optional":false,"name":"x","version":3},"payload":"a"})"},
         {{{"schema.name", "x"}},
          R"({"schema":null,"payload":"a"})",
          "transform t: the data has no schema"},
         {{},
          "{}",
          "wrong: property \"transforms.t.type\": schema.name or schema.version must be set"}},
        kWithSchema);
  check("SetSchemaMetadata$Value",
        {{{{"schema.name", "x"}}, "{}", "wrong: transform t needs records with a schema"}});
}

TEST(Transforms, headers) {
  const auto headers_of = [](ConnectorProperties config, std::string& value) {
    const auto chain = read_transforms(config, {}, ConnectorType::Sink).chain;
    ConnectRecord record{.topic = "t", .headers = {{"a", "1"}, {"b", std::nullopt}, {"a", "2"}}};
    TransformChain::Bytes bytes{std::nullopt, value};
    EXPECT_TRUE(chain->apply(record, bytes).value());
    value = *bytes.value;
    std::string text;
    for (const ConnectHeader& header : record.headers)
      text += fmt::format("{}={} ", header.key, header.value.value_or("NULL"));
    return text;
  };
  std::string value = "no json";
  EXPECT_EQ(headers_of(config_of("InsertHeader", {{"header", "a"}, {"value.literal", "x"}}), value),
            "a=1 b=NULL a=2 a=x ");
  EXPECT_EQ(
      headers_of(config_of("InsertHeader", {{"header", "c"}, {"value.literal", "\"5\""}}), value),
      "a=1 b=NULL a=2 c=5 ");
  EXPECT_EQ(headers_of(config_of("DropHeaders", {{"headers", "a,c"}}), value), "b=NULL ");
  EXPECT_EQ(value, "no json");
  const Options move = {{"fields", "x,y,z"}, {"headers", "h,i,j"}, {"operation", "move"}};
  value = R"({"x":1,"y":"s","k":2})";
  EXPECT_EQ(headers_of(config_of("HeaderFrom$Value", move), value),
            "a=1 b=NULL a=2 h=1 i=s j=NULL ");
  EXPECT_EQ(value, R"({"k":2})");
  check("HeaderFrom$Value", {{{{"fields", "x"}, {"headers", "h,i"}, {"operation", "copy"}},
                              "{}",
                              "wrong: property \"transforms.t.headers\": fields has another number "
                              "of names"}});
}

TEST(Transforms, regex_router) {
  const auto route = [](const std::string& regex, const std::string& replacement,
                        const std::string& topic) {
    const auto read =
        read_transforms(config_of("RegexRouter", {{"regex", regex}, {"replacement", replacement}}),
                        {}, ConnectorType::Sink);
    if (!read.wrong.empty()) return read.wrong.front().message;
    return read.chain->topics_of(topic).front();
  };
  EXPECT_EQ(route("(.*)-(\\d+)", "$2_$1", "orders-12"), "12_orders");
  EXPECT_EQ(route("orders", "x", "orders-12"), "orders-12");  // the whole name must match
  EXPECT_EQ(route("(?<db>\\w+)\\.(?<table>\\w+)", "${table}\\$${db}", "a.b"), "b$a");
  EXPECT_EQ(route("o|or", "x", "or"), "xr");  // the first alternative matches, as in Java
  EXPECT_EQ(route("(a)(b)?", "$1$2", "a"), "a");
  EXPECT_EQ(route("(.*)", "$12", "a"), "a2");
  EXPECT_EQ(
      route("a(?=b)", "x", "a"),
      "property \"transforms.t.regex\": \"a(?=b)\" is not a regular expression that RE2 takes: "
      "invalid perl operator: (?=");
  EXPECT_EQ(route("(a)\\1", "x", "aa"),
            "property \"transforms.t.regex\": \"(a)\\1\" is not a regular expression that RE2 "
            "takes: invalid escape sequence: \\1");
  EXPECT_EQ(route("a", "$1", "a"),
            "property \"transforms.t.replacement\": \"$1\" names group 1, of 0");
  EXPECT_EQ(route("a", "${x}", "a"),
            "property \"transforms.t.replacement\": \"${x}\" names the group \"x\", which does not "
            "exist");
}

TEST(Transforms, timestamp_router) {
  const auto route = [](const Options& options, std::optional<int64_t> timestamp_ms) {
    const auto read =
        read_transforms(config_of("TimestampRouter", options), {}, ConnectorType::Source);
    if (!read.wrong.empty()) return read.wrong.front().message;
    EXPECT_TRUE(read.chain->routes_by_time());
    ConnectRecord record{.topic = "orders", .timestamp_ms = timestamp_ms};
    const auto kept = read.chain->apply(record);
    return kept ? record.topic : kept.error().message;
  };
  EXPECT_EQ(route({}, 1'709'251'199'999), "orders-20240229");
  EXPECT_EQ(route({}, 1'709'251'200'000), "orders-20240301");
  EXPECT_EQ(
      route({{"topic.format", "${timestamp}.${topic}"}, {"timestamp.format", "yyyy-MM-dd'T'HH"}},
            1'709'200'800'000),
      "2024-02-29T10.orders");
  EXPECT_EQ(route({}, std::nullopt),
            "transform t: TimestampRouter needs a timestamp, and the record has none");
  EXPECT_EQ(
      route({{"timestamp.format", "b"}}, 0),
      "property \"transforms.t.timestamp.format\": \"b\" is not a pattern of SimpleDateFormat "
      "that is supported");
}

TEST(Transforms, predicates_choose_the_records) {
  const auto with = [](const std::string& predicate, const Options& options, bool negate) {
    auto config = config_of("Filter", {{"predicate", "p"}});
    config["predicates"] = "p";
    config["predicates.p.type"] = "org.apache.kafka.connect.transforms.predicates." + predicate;
    for (const auto& [name, value] : options) config["predicates.p." + name] = value;
    if (negate) config["transforms.t.negate"] = "true";
    return config;
  };
  EXPECT_EQ(result_of(with("RecordIsTombstone", {}, false), std::nullopt), "dropped");
  EXPECT_EQ(result_of(with("RecordIsTombstone", {}, false), "1"), "1");
  EXPECT_EQ(result_of(with("RecordIsTombstone", {}, true), "1"), "dropped");
  EXPECT_EQ(result_of(with("TopicNameMatches", {{"pattern", "ord.*"}}, false), "1"), "dropped");
  EXPECT_EQ(result_of(with("TopicNameMatches", {{"pattern", "ord"}}, false), "1"), "1");
  EXPECT_EQ(result_of(with("HasHeaderKey", {{"name", "h"}}, false), "1"), "1");
  EXPECT_EQ(result_of(with("HasHeaderKey", {{"name", "h"}}, true), "1"), "dropped");
  EXPECT_EQ(result_of(config_of("Filter", {}), "1"), "dropped");
  EXPECT_EQ(result_of(with("HasHeaderKey", {}, false), "1"),
            "wrong: property \"predicates.p.name\" is required");
  EXPECT_EQ(result_of(with("None", {}, false), "1"),
            "wrong: predicate "
            "org.apache.kafka.connect.transforms.predicates.None is not built in");
}

TEST(Transforms, wrong_configurations_name_what_exists) {
  const auto wrong = [](ConnectorProperties config, ConnectorType type = ConnectorType::Sink) {
    const auto read = read_transforms(config, {}, type);
    EXPECT_EQ(read.wrong.size(), 1U);
    EXPECT_EQ(read.chain, nullptr);
    return read.wrong.empty() ? WrongProperty{} : read.wrong.front();
  };
  const WrongProperty unknown = wrong({{"transforms", "t"}, {"transforms.t.type", "com.acme.X"}});
  EXPECT_EQ(unknown.name, "transforms.t.type");
  EXPECT_EQ(unknown.message, "transform com.acme.X is not built in");
  EXPECT_EQ(unknown.hint,
            "CREATE STREAM ... AS SELECT does it behind the topic. Built in are Cast$Key|$Value, "
            "DropHeaders, ExtractField$Key|$Value, Filter, Flatten$Key|$Value, "
            "HeaderFrom$Key|$Value, HoistField$Key|$Value, InsertField$Key|$Value, InsertHeader, "
            "MaskField$Key|$Value, RegexRouter, ReplaceField$Key|$Value, "
            "SetSchemaMetadata$Key|$Value, TimestampConverter$Key|$Value, TimestampRouter, "
            "ValueToKey.");
  const WrongProperty option = wrong(config_of("HoistField$Key", {{"field", "a"}, {"fied", "b"}}));
  EXPECT_EQ(option.message, "property \"transforms.t.fied\" is not an option of HoistField");
  EXPECT_EQ(option.hint, "Its options are field.");
  EXPECT_EQ(wrong(config_of("HoistField", {{"field", "a"}})).message,
            "transform org.apache.kafka.connect.transforms.HoistField needs $Key or $Value at the "
            "end of its name");
  EXPECT_EQ(wrong(config_of("Filter$Value", {})).message,
            "transform Filter has no $Key and no $Value");
  EXPECT_EQ(wrong({{"transforms", "t"}}).message, "property \"transforms.t.type\" is required");
  EXPECT_EQ(wrong(config_of("Filter", {{"predicate", "p"}})).message,
            "property \"transforms.t.predicate\" names \"p\", which \"predicates\" does not");
  EXPECT_EQ(wrong(config_of("Filter", {{"negate", "true"}})).message,
            "property \"transforms.t.negate\" needs \"transforms.t.predicate\"");
  auto twice = config_of("Filter", {});
  twice["transforms"] = "t,t";
  EXPECT_EQ(read_transforms(twice, {}, ConnectorType::Sink).wrong.front().message,
            "property \"transforms\" has the name \"t\" twice");
  auto single =
      config_of("RegexRouter", {{"regex", "a"}, {"replacement", "b"}, {"predicate", "p"}});
  single["predicates"] = "p";
  single["predicates.p.type"] = "RecordIsTombstone";
  EXPECT_EQ(wrong(single).message, "transform t cannot route single records of a sink");
  const auto of_source = read_transforms(single, {}, ConnectorType::Source);
  EXPECT_EQ(of_source.chain->topics_of("a"), (std::vector<std::string>{"b", "a"}));
}

TEST(Transforms, properties_belong_to_a_named_transform) {
  const ConnectorProperties config = {{"transforms", "a"}, {"predicates", "p"}};
  for (const char* known : {"transforms.a.type", "transforms.a.x.y", "predicates.p.type"})
    EXPECT_TRUE(is_transform_property(config, known)) << known;
  for (const char* other :
       {"transforms", "transforms.ab.type", "transforms.a", "predicates.a.type"})
    EXPECT_FALSE(is_transform_property(config, other)) << other;
}

TEST(Transforms, data_must_fit_its_schema) {
  const auto decoded = [](const std::string& json) {
    const auto datum = decode_datum(json, DataForm::JsonWithSchema);
    return datum ? json_tree_text(datum->value) : datum.error().message;
  };
  const std::string fields =
      R"({"schema":{"type":"struct","optional":false,"fields":[)"
      R"({"type":"int32","optional":true,"default":5,"field":"a"},)"
      R"({"type":"array","items":{"type":"string","optional":false},"optional":true,"field":"b"}]},)"
      R"("payload":)";
  EXPECT_EQ(decoded(fields + R"({"b":["x"],"a":1}})"), R"({"a":1,"b":["x"]})");
  EXPECT_EQ(decoded(fields + "{}}"), R"({"a":5,"b":null})");
  EXPECT_EQ(decoded(fields + R"({"a":"x"}})"),
            "field \"a\": a string is not a value of the schema's type \"int32\"");
  EXPECT_EQ(decoded(fields + R"({"b":[1]}})"),
            "field \"b\": a number is not a value of the schema's type \"string\"");
  EXPECT_EQ(decoded(fields + "null}"), "null is not a value of the schema's type \"struct\"");
  EXPECT_EQ(decoded("1"),
            "JsonConverter with schemas.enable needs the members \"schema\" and \"payload\" and no "
            "others");
}

}  // namespace
}  // namespace engine
