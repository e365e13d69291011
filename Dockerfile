# The server and its tools, built from this tree: docker build -t millrace .
FROM debian:bookworm AS build
WORKDIR /millrace
COPY . .
RUN ./dev setup && ./dev build millrace
# The program, Kafka's tools as links to it, and the libraries that it needs, which Debian has in dozens of packages.
RUN mkdir -p /image/bin /image/lib && cp -P build/release/millrace build/release/kafka-* /image/bin/ && \
    ldd build/release/millrace | awk '/=> \//{print $3}' | grep -vE '/lib(c|m|pthread|resolv)\.so' | xargs cp -Lt /image/lib

FROM debian:bookworm-slim
COPY --from=build /image /usr/local
# For MILLRACE_ETCD=start, in a cluster.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends etcd-server && rm -rf /var/lib/apt/lists/*
RUN ldconfig && useradd --system millrace && install -d -o millrace /data
USER millrace
VOLUME /data
EXPOSE 7432 8088 9092 29092
# Every setting is a variable, too: MILLRACE_ and its name in upper case. A container listens on all addresses: `docker run -p` decides
# which clients reach its ports. With MILLRACE_ACCESS_FILE, and MILLRACE_INSECURE=false, clients have to authenticate.
ENV MILLRACE_DATA_DIR=/data MILLRACE_PG=0.0.0.0:7432 MILLRACE_HTTP=0.0.0.0:8088 MILLRACE_KAFKA=0.0.0.0:9092 MILLRACE_INSECURE=true
CMD ["millrace", "server"]
