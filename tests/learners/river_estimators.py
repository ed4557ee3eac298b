"""Every estimator of River's that a pipeline takes, with small parameters."""

from __future__ import annotations

from typing import Any

LOGISTIC = {"type": "river.linear_model.LogisticRegression"}
LINEAR = {"type": "river.linear_model.LinearRegression"}
BAYES = {"type": "river.naive_bayes.GaussianNB"}
TREE = {"type": "river.tree.HoeffdingTreeClassifier", "grace_period": 20}
REGRESSION_TREE = {"type": "river.tree.HoeffdingTreeRegressor", "grace_period": 20}
TREES = {"type": "river.anomaly.HalfSpaceTrees", "n_trees": 2, "window_size": 50}
HALVES = [{**LINEAR, "intercept_lr": rate} for rate in (0.1, 0.01, 0.001, 0.5)]
METRIC: dict[str, Any] = {"type": "river.metrics.MAE"}
ACCURACY: dict[str, Any] = {"type": "river.metrics.Accuracy"}
EPSILON: dict[str, Any] = {"type": "river.bandit.EpsilonGreedy", "epsilon": 0.1, "seed": 1}

PARAMS: dict[str, dict[str, Any]] = {
    "anomaly.HalfSpaceTrees": {"n_trees": 2, "window_size": 50},
    "anomaly.LODA": {},
    "anomaly.LocalOutlierFactor": {"n_neighbors": 3},
    "anomaly.OneClassSVM": {},
    "anomaly.QuantileFilter": {"anomaly_detector": TREES, "q": 0.9},
    "anomaly.ThresholdFilter": {"anomaly_detector": TREES, "threshold": 0.5},
    "cluster.CluStream": {"max_micro_clusters": 10, "n_macro_clusters": 3, "time_gap": 50},
    "cluster.DBSTREAM": {},
    "cluster.DenStream": {"n_samples_init": 50},
    "cluster.KMeans": {"n_clusters": 3},
    "cluster.STREAMKMeans": {"chunk_size": 20, "n_clusters": 3},
    "conf.RegressionJackknife": {"regressor": LINEAR},
    "drift.DriftRetrainingClassifier": {"model": TREE},
    "dummy.NoChangeClassifier": {},
    "dummy.PriorClassifier": {},
    "dummy.StatisticRegressor": {"statistic": {"type": "river.stats.Quantile"}},
    "ensemble.ADWINBaggingClassifier": {"model": TREE, "n_models": 2},
    "ensemble.ADWINBoostingClassifier": {"model": TREE, "n_models": 2},
    "ensemble.AdaBoostClassifier": {"model": TREE, "n_models": 2},
    "ensemble.BOLEClassifier": {"model": TREE, "n_models": 2},
    "ensemble.BaggingClassifier": {"model": BAYES, "n_models": 2},
    "ensemble.BaggingRegressor": {"model": REGRESSION_TREE, "n_models": 2},
    "ensemble.EWARegressor": {"models": HALVES},
    "ensemble.LeveragingBaggingClassifier": {"model": TREE, "n_models": 2},
    "ensemble.SRPClassifier": {"model": TREE, "n_models": 2},
    "ensemble.SRPRegressor": {"model": REGRESSION_TREE, "n_models": 2},
    "ensemble.StackingClassifier": {"models": [BAYES, TREE], "meta_classifier": LOGISTIC},
    "ensemble.VotingClassifier": {"models": [BAYES, TREE]},
    "facto.FFMClassifier": {"n_factors": 2},
    "facto.FFMRegressor": {"n_factors": 2},
    "facto.FMClassifier": {"n_factors": 2},
    "facto.FMRegressor": {"n_factors": 2},
    "facto.FwFMClassifier": {"n_factors": 2},
    "facto.FwFMRegressor": {"n_factors": 2},
    "facto.HOFMClassifier": {"n_factors": 2},
    "facto.HOFMRegressor": {"n_factors": 2},
    "forest.AMFClassifier": {"n_estimators": 2},
    "forest.AMFRegressor": {"n_estimators": 2},
    "forest.ARFClassifier": {"n_models": 2, "grace_period": 20},
    "forest.ARFRegressor": {"n_models": 2, "grace_period": 20},
    "forest.OXTRegressor": {"n_models": 2, "grace_period": 20},
    "imblearn.ChebyshevOverSampler": {"regressor": LINEAR},
    "imblearn.ChebyshevUnderSampler": {"regressor": LINEAR},
    "imblearn.HardSamplingClassifier": {"classifier": LOGISTIC, "p": 0.1, "size": 20},
    "imblearn.HardSamplingRegressor": {"regressor": LINEAR, "p": 0.1, "size": 20},
    "imblearn.RandomOverSampler": {
        "classifier": LOGISTIC,
        "desired_dist": {"true": 0.5, "false": 0.5},
    },
    "imblearn.RandomSampler": {
        "classifier": LOGISTIC,
        "desired_dist": {"true": 0.5, "false": 0.5},
    },
    "imblearn.RandomUnderSampler": {
        "classifier": LOGISTIC,
        "desired_dist": {"true": 0.5, "false": 0.5},
    },
    "linear_model.ALMAClassifier": {},
    "linear_model.AdPredictor": {},
    "linear_model.BayesianLinearRegression": {},
    "linear_model.LinearRegression": {},
    "linear_model.LogisticRegression": {},
    "linear_model.PAClassifier": {},
    "linear_model.PARegressor": {},
    "linear_model.Perceptron": {},
    "linear_model.SoftmaxRegression": {},
    "model_selection.BanditClassifier": {
        "models": [{**LOGISTIC, "intercept_lr": rate} for rate in (0.1, 0.01)],
        "metric": ACCURACY,
        "policy": EPSILON,
    },
    "model_selection.BanditRegressor": {"models": HALVES, "metric": METRIC, "policy": EPSILON},
    "model_selection.GreedyRegressor": {"models": HALVES},
    "model_selection.SuccessiveHalvingClassifier": {
        "models": [{**LOGISTIC, "intercept_lr": rate} for rate in (0.1, 0.01, 0.001, 0.5)],
        "metric": ACCURACY,
        "budget": 200,
    },
    "model_selection.SuccessiveHalvingRegressor": {
        "models": HALVES,
        "metric": METRIC,
        "budget": 200,
    },
    "multiclass.OneVsOneClassifier": {"classifier": LOGISTIC},
    "multiclass.OneVsRestClassifier": {"classifier": LOGISTIC},
    "multiclass.OutputCodeClassifier": {"classifier": LOGISTIC, "code_size": 6},
    "naive_bayes.BernoulliNB": {},
    "naive_bayes.ComplementNB": {},
    "naive_bayes.GaussianNB": {},
    "naive_bayes.MultinomialNB": {},
    "neighbors.KNNClassifier": {"n_neighbors": 3},
    "neighbors.KNNRegressor": {"n_neighbors": 3},
    "preprocessing.PredClipper": {"regressor": LINEAR, "y_min": -1.0, "y_max": 1.0},
    "preprocessing.TargetMinMaxScaler": {"regressor": LINEAR},
    "preprocessing.TargetStandardScaler": {"regressor": LINEAR},
    "rules.AMRules": {"n_min": 20},
    "tree.ExtremelyFastDecisionTreeClassifier": {"grace_period": 20},
    "tree.HoeffdingAdaptiveTreeClassifier": {"grace_period": 20},
    "tree.HoeffdingAdaptiveTreeRegressor": {"grace_period": 20},
    "tree.HoeffdingTreeClassifier": {"grace_period": 20},
    "tree.HoeffdingTreeRegressor": {"grace_period": 20},
    "tree.LASTClassifier": {},
    "tree.SGTClassifier": {"grace_period": 20},
    "tree.SGTRegressor": {"grace_period": 20},
}

REFUSED: dict[str, dict[str, Any]] = {
    "active.EntropySampler": {"classifier": BAYES},
    "cluster.ODAC": {},
    "cluster.TextClust": {},
    "tree.ISOUPTreeRegressor": {},
}
