// The answers to statements about connectors over HTTP, in the form that ksqlDB's clients expect.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"
#include "server/connect/connectors.h"

namespace server {

// The fields that each answer has.
struct ConnectorStatement {
  std::string_view text;  // without a semicolon; secrets are masked
  const std::vector<ConnectorNotice>& notices;
};

std::string connector_info_entity(const ConnectorStatement& statement, const ConnectorInfo& info);
std::string connector_list_entity(const ConnectorStatement& statement,
                                  const std::vector<ConnectorInfo>& connectors);
// `sources`: the streams and tables that are defined over topics of the connector.
std::string connector_description_entity(const ConnectorStatement& statement,
                                         const ConnectorInfo& info,
                                         const std::vector<std::string>& sources);
std::string drop_connector_entity(const ConnectorStatement& statement, std::string_view name);
std::string connector_plugins_entity(const ConnectorStatement& statement,
                                     const std::vector<ConnectorPlugin>& plugins);
std::string warning_entity(const ConnectorStatement& statement, std::string_view message);

}  // namespace server
