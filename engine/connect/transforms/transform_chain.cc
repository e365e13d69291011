#include "engine/connect/transforms/transform_chain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace engine {

namespace {

constexpr std::string_view kTransformPackage = "org.apache.kafka.connect.transforms.";
constexpr std::string_view kPredicatePackage = "org.apache.kafka.connect.transforms.predicates.";

std::vector<const TransformClass*> all_transforms() {
  std::vector<const TransformClass*> classes;
  for (const auto& group :
       {field_transforms(), structure_transforms(), value_transforms(), record_transforms()})
    for (const TransformClass& each : group) classes.push_back(&each);
  return classes;
}

std::string names_of_classes() {
  std::vector<std::string> names;
  for (const TransformClass* each : all_transforms())
    names.push_back(fmt::format("{}{}", each->name, each->has_sides ? "$Key|$Value" : ""));
  std::ranges::sort(names);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string names_of_predicates() {
  std::vector<std::string> names;
  for (const PredicateClass& each : transform_predicates()) names.emplace_back(each.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// A class name as a user writes it: with or without its package, and with "$Key" or "$Value" at the
// end.
struct FoundClass {
  const TransformClass* of = nullptr;
  TransformSide side = TransformSide::None;
};
std::optional<FoundClass> find_transform_class(std::string_view written) {
  FoundClass found;
  std::string_view name = written;
  if (name.starts_with(kTransformPackage)) name.remove_prefix(kTransformPackage.size());
  for (const auto& [suffix, side] :
       {std::pair<std::string_view, TransformSide>("$Key", TransformSide::Key),
        {"$Value", TransformSide::Value}})
    if (name.ends_with(suffix)) {
      found.side = side;
      name.remove_suffix(suffix.size());
    }
  for (const TransformClass* each : all_transforms())
    if (each->name == name) found.of = each;
  if (found.of == nullptr) return std::nullopt;
  return found;
}

// Returns the options of one transform or predicate: the properties that begin with its prefix,
// without this prefix.
ConnectorProperties options_below(const ConnectorProperties& config, const std::string& prefix,
                                  std::span<const std::string_view> without) {
  ConnectorProperties options;
  for (auto each = config.lower_bound(prefix);
       each != config.end() && each->first.starts_with(prefix); ++each) {
    const std::string name = each->first.substr(prefix.size());
    if (std::ranges::find(without, name) == without.end()) options[name] = each->second;
  }
  return options;
}

// Reads the transforms of a configuration, and collects the wrong properties.
class TransformReader {
 public:
  TransformReader(const ConnectorProperties& config, const RecordForms& forms, ConnectorType type)
      : config_(config), values_({}, config), forms_(forms), type_(type) {}

  TransformsResult run() {
    for (const std::string& name : names("predicates")) read_predicate(name);
    std::vector<TransformChain::Step> steps;
    for (const std::string& name : names("transforms"))
      if (auto step = read_step(name)) steps.push_back(*std::move(step));
    if (!wrong_.empty()) return {nullptr, std::move(wrong_)};
    return {std::make_shared<TransformChain>(std::move(steps), forms_), {}};
  }

 private:
  void wrong(std::string property, std::string message, std::string hint = {}) {
    wrong_.push_back({std::move(property), std::move(message), std::move(hint)});
  }

  std::vector<std::string> names(const std::string& property) {
    std::vector<std::string> names = values_.list(property);
    auto sorted = names;
    std::ranges::sort(sorted);
    if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
      wrong(property, fmt::format("property \"{}\" has the name \"{}\" twice", property, *twice));
    return names;
  }

  // Checks the options against the property rows of their class. The properties begin with
  // `prefix`.
  bool check(const std::string& prefix, std::string_view of, std::span<const PropertyRow> rows,
             const ConnectorProperties& options) {
    const CheckedProperties checked = check_properties(rows, options);
    for (const WrongProperty& each : checked.wrong) {
      std::string message = each.message;
      const std::string quoted = fmt::format("\"{}\"", each.name);
      if (const size_t at = message.find(quoted); at != std::string::npos)
        message.replace(at, quoted.size(), fmt::format("\"{}{}\"", prefix, each.name));
      wrong(prefix + each.name, std::move(message));
    }
    std::vector<std::string> known;
    for (const PropertyRow& row : rows) known.emplace_back(row.name);
    for (const UnknownProperty& each : checked.unknown)
      wrong(prefix + each.name,
            fmt::format("property \"{}{}\" is not an option of {}", prefix, each.name, of),
            known.empty() ? fmt::format("{} has no options.", of)
                          : fmt::format("Its options are {}.", fmt::join(known, ", ")));
    return checked.wrong.empty() && checked.unknown.empty();
  }

  // Adds the error of a class. Its message may begin with the name of an option, which then becomes
  // the wrong property.
  void add_error(const std::string& prefix, std::span<const PropertyRow> rows, const Error& error) {
    const std::string option = error.message.substr(0, error.message.find(':'));
    const bool names_one = std::ranges::find(rows, option, &PropertyRow::name) != rows.end();
    const std::string property = prefix + (names_one ? option : "type");
    wrong(property,
          fmt::format("property \"{}\"{}", property,
                      names_one ? error.message.substr(option.size()) : ": " + error.message),
          error.hint);
  }

  void read_predicate(const std::string& name) {
    const std::string prefix = fmt::format("predicates.{}.", name);
    std::string_view written;
    const std::string type = values_.text(prefix + "type");
    written = type;
    if (written.starts_with(kPredicatePackage)) written.remove_prefix(kPredicatePackage.size());
    const auto classes = transform_predicates();
    const auto of = std::ranges::find(classes, written, &PredicateClass::name);
    if (of == classes.end()) return unknown_class(prefix, "predicate", type, names_of_predicates());
    constexpr std::string_view kCommon[] = {"type"};
    const ConnectorProperties options = options_below(config_, prefix, kCommon);
    if (!check(prefix, of->name, of->options, options)) return;
    auto predicate = of->make(PropertyValues({of->options.begin(), of->options.end()}, options));
    if (!predicate) return add_error(prefix, of->options, predicate.error());
    predicates_[name] = *std::move(predicate);
  }

  void unknown_class(const std::string& prefix, std::string_view what, const std::string& type,
                     const std::string& known) {
    if (type.empty())
      return wrong(prefix + "type", fmt::format("property \"{}type\" is required", prefix),
                   fmt::format("Built in are {}.", known));
    wrong(prefix + "type", fmt::format("{} {} is not built in", what, type),
          fmt::format("CREATE STREAM ... AS SELECT does it behind the topic. Built in are {}.",
                      known));
  }

  std::optional<TransformChain::Step> read_step(const std::string& name) {
    const std::string prefix = fmt::format("transforms.{}.", name);
    const std::string type = values_.text(prefix + "type");
    const auto found = find_transform_class(type);
    if (!found) {
      unknown_class(prefix, "transform", type, names_of_classes());
      return std::nullopt;
    }
    if ((found->side != TransformSide::None) != found->of->has_sides) {
      wrong(prefix + "type",
            found->of->has_sides
                ? fmt::format("transform {} needs $Key or $Value at the end of its name", type)
                : fmt::format("transform {} has no $Key and no $Value", found->of->name));
      return std::nullopt;
    }
    constexpr std::string_view kCommon[] = {"type", "predicate", "negate"};
    const ConnectorProperties options = options_below(config_, prefix, kCommon);
    const auto rows = found->of->options;
    TransformChain::Step step{.name = name, .transform = {}, .predicate = {}};
    const bool has_predicate = read_condition(prefix, step);
    if (!check(prefix, found->of->name, rows, options) || !has_predicate) return std::nullopt;
    auto made = found->of->make(PropertyValues({rows.begin(), rows.end()}, options), found->side);
    if (!made) {
      add_error(prefix, rows, made.error());
      return std::nullopt;
    }
    step.transform = *std::move(made);
    if (!suits_connector(prefix, found->side, step)) return std::nullopt;
    return step;
  }

  // Reads the predicate of a step. Returns false if it is wrong.
  bool read_condition(const std::string& prefix, TransformChain::Step& step) {
    const std::string name = values_.text(prefix + "predicate");
    const std::string negate = values_.text(prefix + "negate");
    const size_t before = wrong_.size();
    if (!negate.empty() && negate != "true" && negate != "false")
      wrong(prefix + "negate",
            fmt::format("property \"{}negate\" is true or false, not \"{}\"", prefix, negate));
    step.is_negated = negate == "true";
    if (name.empty()) {
      if (step.is_negated)
        wrong(prefix + "negate",
              fmt::format("property \"{}negate\" needs \"{}predicate\"", prefix, prefix));
      return wrong_.size() == before;
    }
    const std::vector<std::string> known = values_.list("predicates");
    if (std::ranges::find(known, name) == known.end())
      wrong(prefix + "predicate",
            fmt::format("property \"{}predicate\" names \"{}\", which \"predicates\" does not",
                        prefix, name));
    else if (const auto predicate = predicates_.find(name); predicate != predicates_.end())
      step.predicate = predicate->second;
    return wrong_.size() == before;
  }

  bool suits_connector(const std::string& prefix, TransformSide side,
                       const TransformChain::Step& step) {
    const DataForm form = side == TransformSide::Key ? forms_.key : forms_.value;
    if (step.transform->needs_schema() && form != DataForm::JsonWithSchema) {
      wrong(prefix + "type", fmt::format("transform {} needs records with a schema", step.name),
            "JsonConverter with schemas.enable reads and writes schemas.");
      return false;
    }
    const bool is_of_record = step.predicate != nullptr && !step.predicate->is_of_topic();
    if (type_ == ConnectorType::Sink && step.transform->is_router() && is_of_record) {
      wrong(prefix + "predicate",
            fmt::format("transform {} cannot route single records of a sink", step.name),
            "A sink writes the records of a topic into the same place: use the predicate "
            "TopicNameMatches.");
      return false;
    }
    return true;
  }

  const ConnectorProperties& config_;
  const PropertyValues values_;
  const RecordForms forms_;
  const ConnectorType type_;
  std::map<std::string, std::shared_ptr<const TransformPredicate>> predicates_;
  std::vector<WrongProperty> wrong_;
};

}  // namespace

TransformChain::TransformChain(std::vector<Step> steps, RecordForms forms)
    : steps_(std::move(steps)), forms_(forms) {
  for (const Step& step : steps_) {
    uses_key_ |= step.transform->uses(TransformSide::Key);
    uses_value_ |= step.transform->uses(TransformSide::Value) ||
                   (step.predicate != nullptr && step.predicate->uses_value());
  }
}

Result<bool> TransformChain::apply(ConnectRecord& record) const {
  for (const Step& step : steps_) {
    if (!step.is_for(record)) continue;
    auto kept = step.transform->apply(record);
    if (!kept) {
      Error error = std::move(kept).error();
      error.message = fmt::format("transform {}: {}", step.name, error.message);
      return error;
    }
    if (!*kept) return false;
  }
  return true;
}

Result<bool> TransformChain::apply(ConnectRecord& record, Bytes& bytes) const {
  if (uses_key_) record.key = TRY(decode_datum(bytes.key, forms_.key));
  if (uses_value_) record.value = TRY(decode_datum(bytes.value, forms_.value));
  if (!TRY(apply(record))) return false;
  Bytes changed;
  if (uses_key_) changed.key = TRY(encode_datum(record.key, forms_.key));
  if (uses_value_) changed.value = TRY(encode_datum(record.value, forms_.value));
  if (uses_key_) bytes.key = std::move(changed.key);
  if (uses_value_) bytes.value = std::move(changed.value);
  return true;
}

std::vector<std::string> TransformChain::topics_of(const std::string& topic) const {
  std::vector<std::string> topics = {topic};
  for (const Step& step : steps_) {
    if (!step.transform->is_router()) continue;
    std::vector<std::string> next;
    const auto add = [&](std::string name) {
      if (std::ranges::find(next, name) == next.end()) next.push_back(std::move(name));
    };
    for (const std::string& each : topics) {
      const bool is_of_topic = step.predicate == nullptr || step.predicate->is_of_topic();
      const bool is_routed = !is_of_topic || step.is_for({.topic = each});
      if (is_routed) add(step.transform->route(each));
      if (!is_of_topic || !is_routed) add(each);
    }
    topics = std::move(next);
  }
  return topics;
}

bool TransformChain::routes_by_time() const {
  return std::ranges::any_of(steps_,
                             [](const Step& step) { return step.transform->routes_by_time(); });
}

bool TransformChain::routes_whole_topics() const {
  return std::ranges::all_of(steps_, [](const Step& step) {
    return !step.transform->is_router() || step.predicate == nullptr ||
           step.predicate->is_of_topic();
  });
}

TransformsResult read_transforms(const ConnectorProperties& config, const RecordForms& forms,
                                 ConnectorType type) {
  return TransformReader(config, forms, type).run();
}

std::vector<std::string> transform_class_names() {
  std::vector<std::string> names;
  for (const TransformClass* each : all_transforms()) {
    const std::string name = fmt::format("{}{}", kTransformPackage, each->name);
    if (each->has_sides)
      names.insert(names.end(), {name + "$Key", name + "$Value"});
    else
      names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> predicate_class_names() {
  std::vector<std::string> names;
  for (const PredicateClass& each : transform_predicates())
    names.push_back(fmt::format("{}{}", kPredicatePackage, each.name));
  std::ranges::sort(names);
  return names;
}

bool is_transform_property(const ConnectorProperties& config, std::string_view property) {
  for (const std::string_view kind : {"transforms", "predicates"}) {
    if (!property.starts_with(kind) || !property.substr(kind.size()).starts_with('.')) continue;
    const std::string_view rest = property.substr(kind.size() + 1);
    for (const std::string& name : PropertyValues({}, config).list(kind))
      if (rest.starts_with(name) && rest.substr(name.size()).starts_with('.')) return true;
  }
  return false;
}

}  // namespace engine
