// The rows of SHOW LINKS, DESCRIBE LINK and SHOW TOPICS FROM LINK.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/ast.h"
#include "engine/system_tables/information.h"
#include "server/links/links.h"

namespace server {

// Returns the columns of the statement's rows; none for a statement without rows.
engine::Schema link_schema(const engine::Statement& statement);

engine::InformationRows rows_of(const std::vector<LinkInfo>& links);
// `shows_all` includes topics that belong to the other cluster itself, such as __consumer_offsets.
engine::InformationRows rows_of(const std::vector<LinkTopic>& topics, bool shows_all,
                                const std::optional<std::string>& pattern);
engine::InformationRows description_of(const LinkInfo& link);

// Returns the facts for the NOTICE of CREATE LINK.
std::string facts_text(const LinkFacts& facts);

// Whether the whole name matches a pattern of LIKE, in which % stands for any characters and _ for one.
bool is_like(std::string_view name, std::string_view pattern);

}  // namespace server
