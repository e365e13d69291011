// RegexRouter, Filter and the transforms of headers of Kafka Connect, and the predicates
// (https://kafka.apache.org/documentation/#connect_transforms, KIP-585 for predicates).
#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/transforms/java_regex.h"
#include "engine/connect/transforms/transform.h"

namespace engine {

namespace {

Result<JavaRegex> regex_of(const PropertyValues& options, const char* option) {
  auto regex = JavaRegex::compile(options.text(option));
  if (!regex)
    return Error{regex.error().code, fmt::format("{}: {}", option, regex.error().message)};
  return regex;
}

// --- RegexRouter

constexpr PropertyRow kRouterOptions[] = {
    {.name = "regex",
     .doc = "regular expression that the whole name of the topic must match",
     .is_required = true},
    {.name = "replacement", .doc = "new name; $1 is the first group", .is_required = true},
};

class RegexRouter final : public Transform {
 public:
  RegexRouter(JavaRegex regex, std::vector<JavaRegex::Part> replacement)
      : regex_(std::move(regex)), replacement_(std::move(replacement)) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options, TransformSide) {
    JavaRegex regex = TRY(regex_of(options, "regex"));
    auto replacement = regex.parse_replacement(options.text("replacement"));
    if (!replacement)
      return Error{replacement.error().code, "replacement: " + replacement.error().message};
    return std::unique_ptr<Transform>(
        std::make_unique<RegexRouter>(std::move(regex), *std::move(replacement)));
  }
  bool uses(TransformSide) const override { return false; }
  bool is_router() const override { return true; }
  std::string route(const std::string& topic) const override {
    return regex_.matches(topic) ? regex_.replace_first(topic, replacement_) : topic;
  }
  Result<bool> apply(ConnectRecord& record) const override {
    record.topic = route(record.topic);
    return true;
  }

 private:
  const JavaRegex regex_;
  const std::vector<JavaRegex::Part> replacement_;
};

// --- Filter

class Filter final : public Transform {
 public:
  static Result<std::unique_ptr<Transform>> make(const PropertyValues&, TransformSide) {
    return std::unique_ptr<Transform>(std::make_unique<Filter>());
  }
  bool uses(TransformSide) const override { return false; }
  Result<bool> apply(ConnectRecord&) const override { return false; }
};

// --- Headers

constexpr PropertyRow kInsertHeaderOptions[] = {
    {.name = "header", .doc = "name of the header", .is_required = true},
    {.name = "value.literal", .doc = "value of the header", .is_required = true},
};

class InsertHeader final : public Transform {
 public:
  explicit InsertHeader(ConnectHeader header) : header_(std::move(header)) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options, TransformSide) {
    // As in Kafka Connect, a literal in quotes stands for the text within the quotes.
    std::string value = options.text("value.literal");
    if (const auto tree = parse_json_tree(value); tree && tree->kind == JsonKind::String)
      value = tree->text;
    return std::unique_ptr<Transform>(
        std::make_unique<InsertHeader>(ConnectHeader{options.text("header"), std::move(value)}));
  }
  bool uses(TransformSide) const override { return false; }
  Result<bool> apply(ConnectRecord& record) const override {
    record.headers.push_back(header_);
    return true;
  }

 private:
  const ConnectHeader header_;
};

constexpr PropertyRow kDropHeadersOptions[] = {
    {.name = "headers",
     .type = PropertyType::List,
     .doc = "names of the headers to remove",
     .is_required = true},
};

class DropHeaders final : public Transform {
 public:
  explicit DropHeaders(std::vector<std::string> names) : names_(std::move(names)) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options, TransformSide) {
    return std::unique_ptr<Transform>(std::make_unique<DropHeaders>(options.list("headers")));
  }
  bool uses(TransformSide) const override { return false; }
  Result<bool> apply(ConnectRecord& record) const override {
    std::erase_if(record.headers, [&](const ConnectHeader& header) {
      return std::ranges::find(names_, header.key) != names_.end();
    });
    return true;
  }

 private:
  const std::vector<std::string> names_;
};

constexpr PropertyRow kHeaderFromOptions[] = {
    {.name = "fields",
     .type = PropertyType::List,
     .doc = "fields whose values become headers",
     .is_required = true},
    {.name = "headers",
     .type = PropertyType::List,
     .doc = "names of the headers, in the order of the fields",
     .is_required = true},
    {.name = "operation",
     .doc = "move: the fields are removed; copy: they stay",
     .is_required = true,
     .words = "move copy"},
};

class HeaderFrom final : public SidedTransform {
 public:
  HeaderFrom(TransformSide side, const PropertyValues& options)
      : SidedTransform(side),
        fields_(options.list("fields")),
        headers_(options.list("headers")),
        moves_(options.text("operation") == "move") {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    if (options.list("fields").size() != options.list("headers").size())
      return Error{ErrorCode::InvalidParameter, "headers: fields has another number of names"};
    return std::unique_ptr<Transform>(std::make_unique<HeaderFrom>(side, options));
  }

 protected:
  Status change(ConnectRecord& record, ConnectDatum& datum) const override {
    TRY(require_object(datum, "HeaderFrom"));
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (datum.schema && find_field(*datum.schema, fields_[i]) == nullptr)
        return Error{ErrorCode::InvalidText, fmt::format("unknown field: {}", fields_[i])};
      const JsonTree* member = datum.value.find(fields_[i]);
      ConnectHeader& header = record.headers.emplace_back();
      header.key = headers_[i];
      if (member == nullptr || member->is_null()) continue;
      header.value = member->kind == JsonKind::String ? member->text : json_tree_text(*member);
    }
    if (!moves_) return {};
    for (const std::string& field : fields_) remove_member(datum.value, field);
    if (!datum.schema) return {};
    std::vector<JsonTree> kept;
    for (const JsonTree& field : find_member(*datum.schema, "fields")->items)
      if (std::ranges::find(fields_, field.text_of("field")) == fields_.end())
        kept.push_back(field);
    datum.schema = struct_like(*datum.schema, std::move(kept));
    return {};
  }

 private:
  const std::vector<std::string> fields_, headers_;
  const bool moves_;
};

// --- Predicates

constexpr PropertyRow kTopicOptions[] = {
    {.name = "pattern",
     .doc = "regular expression that the whole name of the topic must match",
     .is_required = true},
};

class TopicNameMatches final : public TransformPredicate {
 public:
  explicit TopicNameMatches(JavaRegex pattern) : pattern_(std::move(pattern)) {}
  static Result<std::unique_ptr<TransformPredicate>> make(const PropertyValues& options) {
    return std::unique_ptr<TransformPredicate>(
        std::make_unique<TopicNameMatches>(TRY(regex_of(options, "pattern"))));
  }
  bool holds(const ConnectRecord& record) const override { return pattern_.matches(record.topic); }
  bool is_of_topic() const override { return true; }

 private:
  const JavaRegex pattern_;
};

constexpr PropertyRow kHeaderOptions[] = {
    {.name = "name", .doc = "name of the header", .is_required = true},
};

class HasHeaderKey final : public TransformPredicate {
 public:
  explicit HasHeaderKey(std::string name) : name_(std::move(name)) {}
  static Result<std::unique_ptr<TransformPredicate>> make(const PropertyValues& options) {
    return std::unique_ptr<TransformPredicate>(
        std::make_unique<HasHeaderKey>(options.text("name")));
  }
  bool holds(const ConnectRecord& record) const override {
    return std::ranges::find(record.headers, name_, &ConnectHeader::key) != record.headers.end();
  }

 private:
  const std::string name_;
};

class RecordIsTombstone final : public TransformPredicate {
 public:
  static Result<std::unique_ptr<TransformPredicate>> make(const PropertyValues&) {
    return std::unique_ptr<TransformPredicate>(std::make_unique<RecordIsTombstone>());
  }
  bool holds(const ConnectRecord& record) const override { return record.value.value.is_null(); }
  bool uses_value() const override { return true; }
};

constexpr TransformClass kRecordClasses[] = {
    {"RegexRouter", false, kRouterOptions, RegexRouter::make},
    {"Filter", false, {}, Filter::make},
    {"InsertHeader", false, kInsertHeaderOptions, InsertHeader::make},
    {"DropHeaders", false, kDropHeadersOptions, DropHeaders::make},
    {"HeaderFrom", true, kHeaderFromOptions, HeaderFrom::make},
};
constexpr PredicateClass kPredicates[] = {
    {"TopicNameMatches", kTopicOptions, TopicNameMatches::make},
    {"HasHeaderKey", kHeaderOptions, HasHeaderKey::make},
    {"RecordIsTombstone", {}, RecordIsTombstone::make},
};

}  // namespace

std::span<const TransformClass> record_transforms() { return kRecordClasses; }
std::span<const PredicateClass> transform_predicates() { return kPredicates; }

}  // namespace engine
