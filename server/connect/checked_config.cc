#include "server/connect/checked_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/connect/secrets.h"

namespace server {

namespace {

// Returns the notices about properties without effect, and about passwords that are readable in the definition.
std::vector<ConnectorNotice> notices_of(const engine::CheckedProperties& checked,
                                        const std::string& connector,
                                        const ConnectorConfig& config) {
  std::vector<ConnectorNotice> notices;
  for (const engine::UnknownProperty& unknown : checked.unknown)
    notices.push_back({true,
                       fmt::format("property \"{}\" of connector {} is not known and does nothing",
                                   unknown.name, connector),
                       unknown.hint});
  for (const auto& [name, value] : config)
    if (engine::is_literal_secret(name, value))
      notices.push_back(
          {true,
           fmt::format("the {} of connector {} is kept readable in the metadata", name, connector),
           "${file:...} keeps it outside."});
  return notices;
}

struct Examined {
  NativeClass native;
  std::vector<engine::PropertyRow> rows;
  std::vector<engine::WrongProperty> wrong;
  std::vector<engine::UnknownProperty> unknown;
  std::vector<ConnectorNotice> notices;
  std::map<std::string, std::string> resolved;
  std::shared_ptr<const engine::TransformChain> transforms;
};

Result<Examined> examine(const Families& families, const SecretSettings& secrets,
                         const std::string& connector, const ConnectorConfig& config,
                         engine::ConnectorType type) {
  Examined examined{TRY(native_class(families, config, type)), {}, {}, {}, {}, {}, {}};
  examined.rows = examined.native.family->rows(*examined.native.of);
  engine::CheckedProperties checked = engine::check_properties(examined.rows, config);
  std::erase_if(checked.unknown, [&](const engine::UnknownProperty& each) {
    return engine::is_transform_property(config, each.name);
  });
  examined.notices = notices_of(checked, connector, config);
  examined.wrong = std::move(checked.wrong);
  examined.unknown = std::move(checked.unknown);
  for (const auto& [name, value] : config) {
    auto resolved = resolve_secrets(value, secrets);
    if (resolved)
      examined.resolved[name] = std::move(*resolved);
    else
      examined.wrong.push_back({name, resolved.error().message});
  }
  if (!examined.wrong.empty()) return examined;
  // Checks the rows again with the resolved references, so that the values of secrets are checked,
  // too.
  examined.wrong = engine::check_properties(examined.rows, examined.resolved).wrong;
  if (examined.wrong.empty()) {
    const engine::ConnectorClass& of = *examined.native.of;
    const engine::PropertyValues values(examined.rows, examined.resolved);
    examined.wrong = examined.native.family->check(of, values);
    auto transforms = engine::read_transforms(
        examined.native.family->without_own_transforms(of, examined.resolved),
        examined.native.family->forms(of, values), of.type);
    examined.transforms = std::move(transforms.chain);
    std::ranges::move(transforms.wrong, std::back_inserter(examined.wrong));
  }
  for (engine::WrongProperty& each : examined.wrong)
    each.message = without_secrets(std::move(each.message), config, examined.resolved);
  return examined;
}

}  // namespace

Result<NativeClass> native_class(const Families& families, const ConnectorConfig& config,
                                 engine::ConnectorType type) {
  const auto named = config.find("connector.class");
  if (named == config.end() || named->second.empty())
    return Error{ErrorCode::InvalidParameter,
                 "property \"connector.class\" is required",
                 {},
                 "SHOW CONNECTOR PLUGINS lists the classes."};
  // A class with a short name, such as "s3", may be both a source and a sink. If the definition
  // does not name the type, the property "topics", which every sink has, makes it a sink.
  if (type == engine::ConnectorType::Unknown && config.contains("topics") &&
      !config.contains("topic") &&
      engine::find_connector_class(named->second, engine::ConnectorType::Sink) != nullptr)
    type = engine::ConnectorType::Sink;
  const engine::ConnectorClass* of = engine::find_connector_class(named->second, type);
  if (of == nullptr && type != engine::ConnectorType::Unknown)
    if (const auto* other = engine::find_connector_class(named->second))
      return Error{
          ErrorCode::InvalidParameter,
          fmt::format("class {} is a {}, not a {}", named->second,
                      engine::connector_type_name(other->type), engine::connector_type_name(type))};
  if (of != nullptr && of->support == engine::ClassSupport::BuiltIn)
    for (const ConnectorFamily* family : families)
      if (family->name() == of->family) return NativeClass{of, family};
  return engine::class_is_not_built_in(named->second, false);
}

Result<UsableConfig> usable_config(const Families& families, const SecretSettings& secrets,
                                   const std::string& connector, const ConnectorConfig& config,
                                   engine::ConnectorType type) {
  Examined examined = TRY(examine(families, secrets, connector, config, type));
  if (!examined.wrong.empty()) {
    Error error{ErrorCode::InvalidParameter,
                examined.wrong.size() == 1 ? examined.wrong.front().message
                                           : fmt::format("{} properties of connector {} are wrong",
                                                         examined.wrong.size(), connector)};
    if (examined.wrong.size() > 1)
      for (const engine::WrongProperty& each : examined.wrong)
        error.detail += fmt::format("{}{}", error.detail.empty() ? "" : "\n", each.message);
    for (const engine::WrongProperty& each : examined.wrong)
      if (!each.hint.empty() && error.hint.find(each.hint) == std::string::npos)
        error.hint += fmt::format("{}{}", error.hint.empty() ? "" : " ", each.hint);
    // The cause of a missing property may be a misspelt name, so the hint lists the unknown properties.
    for (const engine::UnknownProperty& each : examined.unknown)
      if (!each.hint.empty())
        error.hint += fmt::format("{}Property \"{}\" is not known. {}",
                                  error.hint.empty() ? "" : " ", each.name, each.hint);
    return error;
  }
  return UsableConfig{
      examined.native.of,
      examined.native.family,
      engine::PropertyValues(std::move(examined.rows), std::move(examined.resolved)),
      config,
      std::move(examined.notices),
      std::move(examined.transforms)};
}

namespace {

// Transforms have properties with names of the user's choice, so no row describes them.
PropertyDefinition definition_of_transform_property(const std::string& name, int32_t order) {
  PropertyDefinition definition;
  definition.name = name;
  definition.type = engine::property_type_name(engine::PropertyType::String);
  definition.importance = "MEDIUM";
  definition.group = "Transforms";
  definition.width = "MEDIUM";
  definition.display_name = name;
  definition.order = order;
  return definition;
}

}  // namespace

std::vector<PropertyDefinition> property_definitions(const NativeClass& native) {
  std::vector<PropertyDefinition> definitions;
  for (const engine::PropertyRow& row : native.family->rows(*native.of)) {
    PropertyDefinition& definition = definitions.emplace_back();
    definition.name = row.name;
    definition.type = engine::property_type_name(row.type);
    definition.is_required = row.is_required;
    if (row.default_value) definition.default_value = std::string(*row.default_value);
    definition.importance = row.is_required ? "HIGH" : "MEDIUM";
    definition.documentation = row.doc;
    definition.group = "Common";
    definition.width = "MEDIUM";
    definition.display_name = row.name;
    definition.order = static_cast<int32_t>(definitions.size());
  }
  return definitions;
}

namespace {

// Adds the refusal of the host as an error of the property "node", which it concerns. As for CREATE
// CONNECTOR, wrong properties are reported first.
Status check_host(const ConnectHost& host, Examined& examined) {
  if (!examined.wrong.empty()) return {};
  const Status accepted =
      host.check(*examined.native.of, engine::PropertyValues(examined.rows, examined.resolved));
  if (accepted) return {};
  const Error& refusal = accepted.error();
  if (refusal.code != ErrorCode::InvalidParameter) return refusal;
  examined.wrong.push_back({"node", refusal.message, refusal.hint});
  return {};
}

}  // namespace

Result<CheckedConfig> checked_config(const Families& families, const SecretSettings& secrets,
                                     const ConnectHost& host,
                                     const ConnectorDefinition& definition) {
  Examined examined =
      TRY(examine(families, secrets, definition.name, definition.config, definition.type));
  TRY(check_host(host, examined));
  CheckedConfig checked;
  checked.class_name = examined.native.of->name;
  checked.groups = {"Common", "Transforms"};
  checked.notices = examined.notices;
  const ConnectorConfig masked = masked_config(definition.config);
  std::vector<PropertyDefinition> definitions = property_definitions(examined.native);
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(definitions, name, &PropertyDefinition::name) == definitions.end())
      definitions.push_back(
          definition_of_transform_property(name, static_cast<int32_t>(definitions.size()) + 1));
  };
  for (const auto& [name, value] : definition.config)
    if (engine::is_transform_property(definition.config, name)) add(name);
  for (const engine::WrongProperty& wrong : examined.wrong)
    if (engine::is_transform_property(definition.config, wrong.name)) add(wrong.name);
  for (PropertyDefinition& each : definitions) {
    CheckedProperty& property = checked.properties.emplace_back();
    property.definition = std::move(each);
    const auto set = masked.find(property.definition.name);
    property.value =
        set != masked.end() ? std::optional(set->second) : property.definition.default_value;
    for (const engine::WrongProperty& wrong : examined.wrong)
      if (wrong.name == property.definition.name)
        property.errors.push_back(
            wrong.hint.empty() ? wrong.message : fmt::format("{}. {}", wrong.message, wrong.hint));
  }
  return checked;
}

ConnectorConfig masked_config(const ConnectorConfig& config) {
  ConnectorConfig masked;
  for (const auto& [name, value] : config) masked[name] = engine::shown_value(name, value);
  return masked;
}

}  // namespace server
