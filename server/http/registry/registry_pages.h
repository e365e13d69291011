// The schema registry's REST API (Confluent's).
#pragma once
#include <string>

#include "server/http/registry/registry_view.h"
#include "server/http/routes.h"

namespace server::http {

// /subjects, /schemas, /compatibility, /config, /mode, /contexts, /v1/metadata/version.
void add_registry_pages(Routes& routes, const RegistryView& view);

// Of a listener that is a registry and nothing else: what is wrong is told as registries tell it.
Routes registry_routes(const RegistryView& view, const std::string& cluster_id);

}  // namespace server::http
