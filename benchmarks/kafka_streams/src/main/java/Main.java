import com.dslplatform.json.DslJson;
import com.dslplatform.json.JsonReader;
import com.dslplatform.json.NumberConverter;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams, exactly once: consume, predict, learn, produce; the model in a cached store, which
 * becomes one record of the changelog a commit.
 *
 * <p>Main BOOTSTRAP EVENTS OUTPUTS FEATURES SCALE, until it is stopped.
 */
public final class Main {
    private Main() {}

    public static void main(String[] said) throws Exception {
        int features = Integer.parseInt(said[3]);
        boolean scale = Boolean.parseBoolean(said[4]);
        var bytes = Serdes.ByteArray();
        var store =
                Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("model"), bytes, bytes)
                        .withCachingEnabled();
        var topology =
                new Topology()
                        .addSource("events", said[1])
                        .addProcessor("score", () -> new Score(features, scale), "events")
                        .addStateStore(store, "score")
                        .addSink("outputs", said[2], "score");
        var streams = new KafkaStreams(topology, settings(said[0]));
        var stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            stopped.countDown();
        }));
        streams.start();
        stopped.await();
    }

    private static Properties settings(String bootstrap) {
        var found = new Properties();
        found.put(StreamsConfig.APPLICATION_ID_CONFIG, "streams-" + UUID.randomUUID());
        found.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        found.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        found.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        found.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        found.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        found.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        found.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        found.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        found.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 5_000);
        found.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 << 20);
        found.put(ProducerConfig.BATCH_SIZE_CONFIG, 256 << 10);
        found.put(ProducerConfig.LINGER_MS_CONFIG, 5);
        return found;
    }

    private static final class Score implements Processor<byte[], byte[], byte[], byte[]> {
        private static final byte[] KEY = {0};
        private final Learner learner;
        private final double[] row;
        private final String[] names;
        private final JsonReader<?> reader = new DslJson<>().newReader();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], byte[]> store;

        Score(int features, boolean scale) {
            learner = new Learner(features, scale);
            row = new double[features];
            names = new String[features];
            for (int i = 0; i < features; i++) {
                names[i] = "feature_" + i;
            }
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            store = context.getStateStore("model");
            byte[] saved = store.get(KEY);
            if (saved != null) {
                learner.load(saved);
            }
        }

        @Override
        public void process(Record<byte[], byte[]> event) {
            try {
                long id = -1;
                boolean label = false;
                byte[] value = event.value();
                reader.process(value, value.length);
                reader.getNextToken(); // {
                byte next = reader.getNextToken();
                for (int at = 0; next == '"'; ) {
                    reader.fillName(); // and the colon
                    byte first = reader.getNextToken();
                    if (at < names.length && reader.wasLastName(names[at])) {
                        row[at++] = NumberConverter.deserializeDouble(reader);
                    } else if (reader.wasLastName("id")) {
                        id = NumberConverter.deserializeLong(reader);
                    } else if (reader.wasLastName("label")) {
                        label = first == 't' ? reader.wasTrue() : !reader.wasFalse();
                    } else {
                        throw new IllegalArgumentException("features come in their order");
                    }
                    next = reader.getNextToken(); // a comma or the end
                    if (next == ',') {
                        next = reader.getNextToken();
                    }
                }
                double score = learner.predictAndLearn(row, label);
                store.put(KEY, learner.dump());
                String said = "{\"id\":" + id + ",\"score\":" + score + "}";
                context.forward(event.withValue(said.getBytes(StandardCharsets.ISO_8859_1)));
            } catch (java.io.IOException problem) {
                throw new java.io.UncheckedIOException(problem);
            }
        }
    }
}
