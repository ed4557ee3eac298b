/** Passive-aggressive learning of two classes (PA-I), with a standard scaler if asked; River's. */
final class Learner {
    private static final double C = 0.01;
    private final boolean scale;
    private final double[] weights, mean, squares, x;
    private double intercept, count;

    Learner(int features, boolean scale) {
        this.scale = scale;
        weights = new double[features];
        mean = new double[features];
        squares = new double[features];
        x = new double[features];
    }

    /** The chance of class 1, before the row is learned. */
    double predictAndLearn(double[] row, boolean label) {
        double score = 1 / (1 + Math.exp(-margin(row)));
        count++;
        if (scale) {
            for (int j = 0; j < row.length; j++) {
                double before = mean[j];
                mean[j] += (row[j] - before) / count;
                squares[j] += (row[j] - before) * (row[j] - mean[j]);
            }
        }
        double y = label ? 1 : -1;
        double loss = Math.max(0, 1 - y * margin(row));
        double norm = 0;
        for (double value : x) {
            norm += value * value;
        }
        double step = norm > 0 ? y * Math.min(C, loss / norm) : 0;
        for (int j = 0; j < x.length; j++) {
            weights[j] += step * x[j];
        }
        intercept += step;
        return score;
    }

    /** Leaves the scaled row in x. */
    private double margin(double[] row) {
        double sum = intercept;
        for (int j = 0; j < row.length; j++) {
            x[j] = scale ? scaled(row[j], j) : row[j];
            sum += weights[j] * x[j];
        }
        return sum;
    }

    private double scaled(double value, int j) {
        double variance = count > 0 ? squares[j] / count : 0;
        return variance > 0 ? (value - mean[j]) / Math.sqrt(variance) : 0;
    }

    byte[] dump() {
        var buffer = java.nio.ByteBuffer.allocate(8 * (3 * weights.length + 2));
        for (double[] each : new double[][] {weights, mean, squares}) {
            for (double value : each) {
                buffer.putDouble(value);
            }
        }
        return buffer.putDouble(intercept).putDouble(count).array();
    }

    void load(byte[] bytes) {
        var buffer = java.nio.ByteBuffer.wrap(bytes);
        for (double[] each : new double[][] {weights, mean, squares}) {
            for (int j = 0; j < each.length; j++) {
                each[j] = buffer.getDouble();
            }
        }
        intercept = buffer.getDouble();
        count = buffer.getDouble();
    }
}
