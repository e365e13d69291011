// The rows of SHOW CONNECTORS, SHOW CONNECTOR TASKS, SHOW CONNECTOR PLUGINS, DESCRIBE CONNECTOR and EXPLAIN CREATE
// CONNECTOR.
#pragma once
#include <vector>

#include "engine/sql/ast.h"
#include "engine/system_tables/information.h"
#include "server/connect/connectors.h"
#include "server/sql/port.h"

namespace server {

// Returns the columns of the statement's rows; none for a statement without rows.
engine::Schema connector_schema(const engine::Statement& statement);

// `shows_errors`: whether the user may see the error texts of connectors, which may contain data of
// other systems.
engine::InformationRows rows_of(const std::vector<ConnectorInfo>& connectors, bool shows_errors);
engine::InformationRows rows_of(const std::vector<TaskProgress>& tasks, bool shows_errors);
engine::InformationRows rows_of(const std::vector<ConnectorPlugin>& plugins);
engine::InformationRows description_of(const ConnectorInfo& connector, bool shows_errors);
engine::InformationRows rows_of(const CheckedConfig& checked);

// Returns the connector as a row of millrace_catalog.connectors.
engine::ConnectorStatus status_of(const ConnectorInfo& connector);
// Returns the notice as clients get it.
sql::Notice sql_notice(const ConnectorNotice& notice);

// Returns whether SHOW SOURCE|SINK CONNECTORS lists the connector.
bool is_of_kind(const ConnectorInfo& connector, engine::ConnectorKind kind);

// Returns the first line of the connector's own error. If it has none, returns the first line of
// the error of its first failed task.
std::string last_error_of(const ConnectorInfo& connector);

}  // namespace server
