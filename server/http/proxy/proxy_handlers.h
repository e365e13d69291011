// The functions that add the pages of the REST proxy to the routes.
#pragma once
#include <memory>

#include "server/http/proxy/proxy_view.h"
#include "server/http/routes.h"

namespace server::http {

class ConsumerInstances;

// Add the pages to `routes`. `view` and `instances` outlive the routes.
void add_produce_pages(Routes& routes, const ProxyView& view);
void add_record_stream_pages(Routes& routes, const ProxyView& view);
void add_topic_pages(Routes& routes, const ProxyView& view);
void add_cluster_pages(Routes& routes, const ProxyView& view);
void add_offset_pages(Routes& routes, const ProxyView& view);
void add_delete_records_pages(Routes& routes, const ProxyView& view);
void add_consumer_pages(Routes& routes, const ProxyView& view, ConsumerInstances& instances);

}  // namespace server::http
