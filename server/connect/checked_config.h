// The configuration of a connector, checked as far as possible without its outside system.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/connect/classes.h"
#include "engine/connect/properties.h"
#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/connectors.h"
#include "server/connect/family.h"
#include "server/connect/hosts/connect_host.h"
#include "server/connect/secrets.h"

namespace server {

using Families = std::vector<const ConnectorFamily*>;

// A configuration that can run.
struct UsableConfig {
  const engine::ConnectorClass* of = nullptr;
  const ConnectorFamily* family = nullptr;
  // The properties, in which each reference to a secret is replaced by the secret.
  engine::PropertyValues values;
  // The properties as the client wrote them, with references instead of secrets.
  std::map<std::string, std::string> written;
  std::vector<ConnectorNotice> notices;
  std::shared_ptr<const engine::TransformChain> transforms;  // not null
};

// Returns the class that "connector.class" of a configuration names. Fails with InvalidParameter if the property
// is missing, and with NotSupported if this server does not run the class.
struct NativeClass {
  const engine::ConnectorClass* of;
  const ConnectorFamily* family;
};
Result<NativeClass> native_class(const Families& families, const ConnectorConfig& config,
                                 engine::ConnectorType type);

// Checks the configuration. Fails with InvalidParameter if a property is wrong; the detail of the
// error has one line for each wrong property.
Result<UsableConfig> usable_config(const Families& families, const SecretSettings& secrets,
                                   const std::string& connector, const ConnectorConfig& config,
                                   engine::ConnectorType type);

// Returns each property with its errors, as PUT /connector-plugins/{p}/config/validate does. Fails
// with NotSupported if this server, or the host, does not run the class.
Result<CheckedConfig> checked_config(const Families& families, const SecretSettings& secrets,
                                     const ConnectHost& host,
                                     const ConnectorDefinition& definition);

std::vector<PropertyDefinition> property_definitions(const NativeClass& native);

// Returns the configuration with its secrets hidden, as answers show it (engine/connect/secrets.h).
ConnectorConfig masked_config(const ConnectorConfig& config);

}  // namespace server
